/* What a publisher learns about its messages: confirms, returns, transactions. */
#include <stdio.h>
#include <string.h>

#include "expect.h"
#include "fields.h"
#include "messages.h"
#include "scenarios.h"

enum { MANY = 200 };

void confirms(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("confirmed");
  declare_queue(connection, queue, amqp_empty_table);
  select_confirms(connection);
  for (int i = 1; i <= MANY; i++) {
    char body[32];
    snprintf(body, sizeof body, "message %d", i);
    send_text(connection, queue, body);
  }
  int open[MANY + 1];
  int left = MANY;
  for (int i = 1; i <= MANY; i++) open[i] = 1;
  while (left > 0) {
    amqp_basic_ack_t *ack = next_method(connection, AMQP_BASIC_ACK_METHOD).payload.method.decoded;
    expect(ack->delivery_tag >= 1 && ack->delivery_tag <= MANY && open[ack->delivery_tag], "the ack is about an open tag");
    for (uint64_t tag = ack->multiple ? 1 : ack->delivery_tag; tag <= ack->delivery_tag; tag++) {
      left -= open[tag];
      open[tag] = 0;
    }
  }
  expect_number(MANY, delete_queue(connection, queue), "messages that arrived");

  amqp_bytes_t full = name("full");
  field_t arguments[] = {field("x-max-length", int32(0)), field("x-overflow", string("reject-publish"))};
  declare_queue(connection, full, TABLE(arguments));
  send_text(connection, full, "too many");
  amqp_basic_nack_t *nack = next_method(connection, AMQP_BASIC_NACK_METHOD).payload.method.decoded;
  expect_number(MANY + 1, (int64_t)nack->delivery_tag, "the tag of the refused message");
  expect_number(0, delete_queue(connection, full), "messages in the full queue");
  disconnect(connection);
}

static void publish_mandatory(connection_t connection, amqp_bytes_t key, const amqp_basic_properties_t *properties) {
  int status = amqp_basic_publish(connection, CHANNEL, amqp_empty_bytes, key, 1, 0, properties, text("nobody wants it"));
  expect_number(AMQP_STATUS_OK, status, "basic.publish");
}

void mandatory(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("routed");
  amqp_bytes_t nowhere = name("nowhere");
  field_t headers[] = {field("n", int16(7))};
  const amqp_basic_properties_t properties = {
      ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                AMQP_BASIC_MESSAGE_ID_FLAG,
      .content_type = text("text/plain"),
      .headers = TABLE(headers),
      .delivery_mode = AMQP_DELIVERY_NONPERSISTENT,
      .message_id = text("lost"),
  };
  declare_queue(connection, queue, amqp_empty_table);
  select_confirms(connection);

  publish_mandatory(connection, nowhere, &properties);
  amqp_basic_return_t *returned = next_method(connection, AMQP_BASIC_RETURN_METHOD).payload.method.decoded;
  expect_number(312, returned->reply_code, "reply code");
  expect_text("NO_ROUTE", returned->reply_text, "reply text");
  expect_text("", returned->exchange, "exchange");
  expect_bytes(nowhere, returned->routing_key, "routing key");
  amqp_message_t message;
  amqp_rpc_reply_t reply = amqp_read_message(connection, CHANNEL, &message, 0);
  expect(reply.reply_type == AMQP_RESPONSE_NORMAL, "the content follows the return");
  expect_text("nobody wants it", message.body, "body");
  expect_number(properties._flags, message.properties._flags, "which properties there are");
  expect_text("text/plain", message.properties.content_type, "content-type");
  expect_text("lost", message.properties.message_id, "message-id");
  expect_number(AMQP_DELIVERY_NONPERSISTENT, message.properties.delivery_mode, "delivery-mode");
  expect_table(properties.headers, message.properties.headers, "headers");
  await_acks(connection, 1);

  publish_mandatory(connection, queue, &properties);
  await_acks(connection, 1); /* and nothing before it */
  expect_number(1, delete_queue(connection, queue), "messages that arrived");
  disconnect(connection);
}

/* Get the first message, see that one is left, and acknowledge it. */
static void acknowledge_first(connection_t connection, amqp_bytes_t queue, int redelivered) {
  struct got got = get_message(connection, queue, 0);
  expect_text("first", got.message.body, "body");
  expect_number(1, got.answer.message_count, "messages left");
  expect_number(redelivered, got.answer.redelivered, "redelivered");
  ack(connection, got.answer.delivery_tag, 0);
}

static void select_tx(connection_t connection) {
  amqp_tx_select(connection, CHANNEL);
  expect_ok(connection, "tx.select");
}

static void commit(connection_t connection) {
  amqp_tx_commit(connection, CHANNEL);
  expect_ok(connection, "tx.commit");
}

static void roll_back(connection_t connection) {
  amqp_tx_rollback(connection, CHANNEL);
  expect_ok(connection, "tx.rollback");
}

void transactions(void) {
  connection_t connection = connected();
  connection_t other = connected();
  amqp_bytes_t queue = name("tx");
  declare_queue(connection, queue, amqp_empty_table);
  select_tx(connection);
  send_text(connection, queue, "first");
  send_text(connection, queue, "second");
  see_queue(connection, queue); /* both have been read by then */
  expect_empty(other, queue);
  roll_back(connection);
  commit(connection);
  expect_empty(connection, queue);
  send_text(connection, queue, "first");
  send_text(connection, queue, "second");
  commit(connection);

  acknowledge_first(connection, queue, 0);
  roll_back(connection);
  close_channel(connection, CHANNEL);
  open_channel(connection, CHANNEL);
  select_tx(connection);
  acknowledge_first(connection, queue, 1);
  commit(connection);
  close_channel(connection, CHANNEL);
  struct got second = get_message(other, queue, 1);
  expect_text("second", second.message.body, "body");
  expect_number(0, second.answer.redelivered, "redelivered");
  expect_number(0, second.answer.message_count, "messages left");
  delete_queue(other, queue);
  disconnect(other);
  disconnect(connection);
}
