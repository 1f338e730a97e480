#include "messages.h"

#include <sys/time.h>

#include "expect.h"

void declare_queue(connection_t connection, amqp_bytes_t queue, amqp_table_t arguments) {
  amqp_queue_declare_ok_t *ok = amqp_queue_declare(connection, CHANNEL, queue, 0, 0, 0, 0, arguments);
  expect_ok(connection, "queue.declare");
  expect_bytes(queue, ok->queue, "the queue's name");
}

amqp_queue_declare_ok_t see_queue(connection_t connection, amqp_bytes_t queue) {
  amqp_queue_declare_ok_t *ok = amqp_queue_declare(connection, CHANNEL, queue, 1, 0, 0, 0, amqp_empty_table);
  expect_ok(connection, "passive queue.declare");
  expect_bytes(queue, ok->queue, "the queue's name");
  return *ok;
}

int delete_queue(connection_t connection, amqp_bytes_t queue) {
  amqp_queue_delete_ok_t *ok = amqp_queue_delete(connection, CHANNEL, queue, 0, 0);
  expect_ok(connection, "queue.delete");
  return (int)ok->message_count;
}

/* -- publishing -- */

void publish(connection_t connection, const char *exchange, amqp_bytes_t key, const amqp_basic_properties_t *properties,
             amqp_bytes_t body) {
  int status = amqp_basic_publish(connection, CHANNEL, text(exchange), key, 0, 0, properties, body);
  if (status != AMQP_STATUS_OK) fail("basic.publish: %s", amqp_error_string2(status));
}

void send_text(connection_t connection, amqp_bytes_t queue, const char *body) {
  publish(connection, "", queue, NULL, text(body));
}

void select_confirms(connection_t connection) {
  amqp_confirm_select(connection, CHANNEL);
  expect_ok(connection, "confirm.select");
}

void await_acks(connection_t connection, int count) {
  static uint64_t last = 0; /* one confirming channel in a process that uses this */
  for (uint64_t wanted = last + (uint64_t)count; last < wanted;) {
    amqp_basic_ack_t *ack = next_method(connection, AMQP_BASIC_ACK_METHOD).payload.method.decoded;
    expect(ack->multiple || ack->delivery_tag == last + 1, "acks come in order");
    last = ack->delivery_tag;
  }
}

/* -- consuming -- */

amqp_bytes_t consume(connection_t connection, amqp_bytes_t queue, amqp_bytes_t tag, int no_ack) {
  amqp_basic_consume_ok_t *ok = amqp_basic_consume(connection, CHANNEL, queue, tag, 0, no_ack, 0, amqp_empty_table);
  expect_ok(connection, "basic.consume");
  return amqp_bytes_malloc_dup(ok->consumer_tag);
}

amqp_envelope_t next_delivery(connection_t connection) {
  amqp_envelope_t envelope;
  struct timeval limit = {LIMIT_SECONDS, 0};
  amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &limit, 0);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("no delivery: %s", amqp_error_string2(reply.library_error));
  return envelope;
}

void expect_no_delivery(connection_t connection) {
  amqp_envelope_t envelope;
  struct timeval now = {0, 0};
  amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &now, 0);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL)
    fail("a delivery that should not be: '%.*s'", (int)envelope.message.body.len, (char *)envelope.message.body.bytes);
  expect_number(AMQP_STATUS_TIMEOUT, reply.library_error, "what comes instead of a delivery");
}

void ack(connection_t connection, uint64_t tag, int multiple) {
  expect(amqp_basic_ack(connection, CHANNEL, tag, multiple) == AMQP_STATUS_OK, "basic.ack is sent");
}

amqp_frame_t next_method(connection_t connection, amqp_method_number_t method) {
  amqp_frame_t frame;
  struct timeval limit = {LIMIT_SECONDS, 0};
  int status = amqp_simple_wait_frame_noblock(connection, &frame, &limit);
  if (status != AMQP_STATUS_OK) fail("no %s: %s", amqp_method_name(method), amqp_error_string2(status));
  expect_number(AMQP_FRAME_METHOD, frame.frame_type, "frame type");
  if (frame.payload.method.id != method)
    fail("expected %s, got %s", amqp_method_name(method), amqp_method_name(frame.payload.method.id));
  return frame;
}

/* -- basic.get -- */

struct got get_message(connection_t connection, amqp_bytes_t queue, int no_ack) {
  struct got got;
  amqp_rpc_reply_t reply = amqp_basic_get(connection, CHANNEL, queue, no_ack);
  expect_ok(connection, "basic.get");
  if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD) fail("no message in %.*s", (int)queue.len, (char *)queue.bytes);
  got.answer = *(amqp_basic_get_ok_t *)reply.reply.decoded;
  reply = amqp_read_message(connection, CHANNEL, &got.message, 0);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("no content: %s", amqp_error_string2(reply.library_error));
  return got;
}

void expect_empty(connection_t connection, amqp_bytes_t queue) {
  amqp_rpc_reply_t reply = amqp_basic_get(connection, CHANNEL, queue, 1);
  expect_ok(connection, "basic.get");
  if (reply.reply.id != AMQP_BASIC_GET_EMPTY_METHOD)
    fail("%.*s is not empty: %s", (int)queue.len, (char *)queue.bytes, amqp_method_name(reply.reply.id));
}
