/* Taking messages: basic.get, prefetch, cancel, direct reply-to. */
#include <stdio.h>
#include <string.h>

#include "expect.h"
#include "messages.h"
#include "scenarios.h"

static struct got got(connection_t connection, amqp_bytes_t queue, int no_ack, const char *body, int left, int again) {
  struct got got = get_message(connection, queue, no_ack);
  expect_text(body, got.message.body, "body");
  expect_number(left, got.answer.message_count, "messages left");
  expect_number(again, got.answer.redelivered, "redelivered");
  expect_text("", got.answer.exchange, "exchange");
  expect_bytes(queue, got.answer.routing_key, "routing key");
  return got;
}

void get(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("get");
  declare_queue(connection, queue, amqp_empty_table);
  expect_empty(connection, queue);
  send_text(connection, queue, "one");
  send_text(connection, queue, "two");
  send_text(connection, queue, "three");
  ack(connection, got(connection, queue, 0, "one", 2, 0).answer.delivery_tag, 0);
  got(connection, queue, 1, "two", 1, 0);
  got(connection, queue, 0, "three", 0, 0);
  close_channel(connection, CHANNEL);
  open_channel(connection, CHANNEL);
  got(connection, queue, 1, "three", 0, 1);
  expect_empty(connection, queue);
  delete_queue(connection, queue);
  disconnect(connection);
}

void prefetch(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("prefetch");
  char body[4];
  declare_queue(connection, queue, amqp_empty_table);
  for (int i = 1; i <= 10; i++) {
    snprintf(body, sizeof body, "%d", i);
    send_text(connection, queue, body);
  }
  amqp_basic_qos(connection, CHANNEL, 0, 3, 0);
  expect_ok(connection, "basic.qos");
  consume(connection, queue, amqp_empty_bytes, 0);
  for (int i = 1; i <= 10; i++) {
    if (i > 3) {
      see_queue(connection, queue); /* all that was sent before the answer is here by then */
      expect_no_delivery(connection);
      ack(connection, (uint64_t)i - 3, 0);
    }
    amqp_envelope_t envelope = next_delivery(connection);
    snprintf(body, sizeof body, "%d", i);
    expect_text(body, envelope.message.body, "body");
    expect_number(i, (int64_t)envelope.delivery_tag, "delivery tag");
  }
  ack(connection, 10, 1);
  expect_number(0, see_queue(connection, queue).message_count, "messages left");
  expect_no_delivery(connection);
  delete_queue(connection, queue);
  disconnect(connection);
}

void cancel(void) {
  connection_t connection = connected();
  connection_t other = connected();
  amqp_bytes_t queue = name("cancel");
  amqp_bytes_t tag = name("tag");
  declare_queue(connection, queue, amqp_empty_table);
  expect_bytes(tag, consume(connection, queue, tag, 1), "the consumer tag");
  send_text(connection, queue, "1");
  amqp_envelope_t first = next_delivery(connection);
  expect_text("1", first.message.body, "body");
  expect_bytes(tag, first.consumer_tag, "the delivery's consumer tag");
  amqp_basic_cancel_ok_t *ok = amqp_basic_cancel(connection, CHANNEL, tag);
  expect_ok(connection, "basic.cancel");
  expect_bytes(tag, ok->consumer_tag, "the cancelled tag");
  select_confirms(connection);
  send_text(connection, queue, "2");
  await_acks(connection, 1); /* a declare may overtake what is not confirmed yet */
  expect_number(1, see_queue(connection, queue).message_count, "messages after the cancel");
  expect_no_delivery(connection);

  amqp_bytes_t chosen = consume(connection, queue, amqp_empty_bytes, 1);
  expect_prefix("amq.ctag-", chosen, "the broker's tag");
  expect_text("2", next_delivery(connection).message.body, "body");
  delete_queue(other, queue);
  amqp_basic_cancel_t *cancelled = next_method(connection, AMQP_BASIC_CANCEL_METHOD).payload.method.decoded;
  expect_bytes(chosen, cancelled->consumer_tag, "the tag of the broker's cancel");
  disconnect(other);
  disconnect(connection);
}

void reply_to(void) {
  enum { REQUESTS = 10 };
  static const char direct[] = "amq.rabbitmq.reply-to";
  connection_t requester = connected();
  connection_t responder = connected();
  amqp_bytes_t requests = name("requests");
  char body[32], id[32];
  declare_queue(responder, requests, amqp_empty_table);
  consume(responder, requests, amqp_empty_bytes, 1);
  consume(requester, text(direct), amqp_empty_bytes, 1);
  for (int i = 1; i <= REQUESTS; i++) {
    snprintf(body, sizeof body, "%d", i);
    snprintf(id, sizeof id, "request-%d", i);
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG,
                                          .reply_to = text(direct),
                                          .correlation_id = text(id)};
    publish(requester, "", requests, &properties, text(body));
  }
  for (int i = 1; i <= REQUESTS; i++) {
    amqp_envelope_t request = next_delivery(responder);
    amqp_basic_properties_t asked = request.message.properties;
    expect_prefix("amq.rabbitmq.reply-to.", asked.reply_to, "the request's reply-to");
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG,
                                          .correlation_id = asked.correlation_id};
    snprintf(body, sizeof body, "answer %.*s", (int)request.message.body.len, (char *)request.message.body.bytes);
    publish(responder, "", asked.reply_to, &properties, text(body));
  }
  for (int i = 1; i <= REQUESTS; i++) {
    amqp_envelope_t answer = next_delivery(requester);
    snprintf(body, sizeof body, "answer %d", i);
    snprintf(id, sizeof id, "request-%d", i);
    expect_text(body, answer.message.body, "body");
    expect_text(id, answer.message.properties.correlation_id, "correlation-id");
  }
  delete_queue(responder, requests);
  disconnect(responder);
  disconnect(requester);
}
