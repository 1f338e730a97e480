/* What the broker does to a client: closing its connection, blocking it. */
#include <stddef.h>

#include "expect.h"
#include "messages.h"
#include "scenarios.h"

void reconnect(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("durable");
  amqp_queue_declare(connection, CHANNEL, queue, 0, 1, 0, 0, amqp_empty_table);
  expect_ok(connection, "queue.declare");
  consume(connection, queue, amqp_empty_bytes, 1);
  send_text(connection, queue, "before");
  expect_text("before", next_delivery(connection).message.body, "body");

  ask("close-connections");
  amqp_frame_t frame = next_method(connection, AMQP_CONNECTION_CLOSE_METHOD);
  amqp_connection_close_t *close = frame.payload.method.decoded;
  expect_number(0, frame.channel, "the channel of connection.close");
  expect_number(320, close->reply_code, "reply code");
  expect_prefix("CONNECTION_FORCED", close->reply_text, "reply text");
  amqp_connection_close_ok_t ok = {0};
  expect(amqp_send_method(connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok) == AMQP_STATUS_OK, "close-ok");
  amqp_destroy_connection(connection);

  connection = connected(); /* this client has no recovery of its own */
  consume(connection, queue, amqp_empty_bytes, 1);
  send_text(connection, queue, "after");
  expect_text("after", next_delivery(connection).message.body, "body");
  delete_queue(connection, queue);
  disconnect(connection);
}

void blocked(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("blocked");
  declare_queue(connection, queue, amqp_empty_table);
  ask("block");
  send_text(connection, queue, "patience");
  amqp_frame_t frame = next_method(connection, AMQP_CONNECTION_BLOCKED_METHOD);
  expect_number(0, frame.channel, "the channel of connection.blocked");
  expect_text("low on memory", ((amqp_connection_blocked_t *)frame.payload.method.decoded)->reason, "reason");
  ask("unblock");
  next_method(connection, AMQP_CONNECTION_UNBLOCKED_METHOD);
  expect_text("patience", get_message(connection, queue, 1).message.body, "body");
  delete_queue(connection, queue);
  disconnect(connection);
}
