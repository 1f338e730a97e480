/* Settling: ack, nack, reject, with and without requeue, and what dead-lettering leaves in the headers. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "expect.h"
#include "fields.h"
#include "messages.h"
#include "scenarios.h"

static void expect_dead(connection_t connection, amqp_bytes_t dead, amqp_bytes_t queue, const char *body) {
  struct got got = get_message(connection, dead, 1);
  expect_text(body, got.message.body, "body");
  expect(got.message.properties._flags & AMQP_BASIC_HEADERS_FLAG, "a dead message has headers");
  amqp_table_t headers = got.message.properties.headers;
  amqp_field_value_t deaths = value_of(headers, "x-death");
  expect_number(AMQP_FIELD_KIND_ARRAY, deaths.kind, "the type of x-death");
  expect_number(1, deaths.value.array.num_entries, "entries of x-death");
  expect_number(AMQP_FIELD_KIND_TABLE, deaths.value.array.entries[0].kind, "the type of an x-death entry");

  amqp_table_t death = deaths.value.array.entries[0].value.table;
  const amqp_field_value_t key = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = queue};
  expect_number(6, death.num_entries, "fields of an x-death entry");
  expect_value(int64(1), value_of(death, "count"), "count");
  expect_value(string("rejected"), value_of(death, "reason"), "reason");
  expect_value(key, value_of(death, "queue"), "queue");
  expect_value(string(""), value_of(death, "exchange"), "exchange");
  expect_value(array(&key, 1), value_of(death, "routing-keys"), "routing-keys");
  amqp_field_value_t when = value_of(death, "time");
  expect_number(AMQP_FIELD_KIND_TIMESTAMP, when.kind, "the type of time");
  int64_t age = (int64_t)time(NULL) - (int64_t)when.value.u64;
  expect(age > -5 && age < 600, "it died now");

  expect_value(string("rejected"), value_of(headers, "x-first-death-reason"), "x-first-death-reason");
  expect_value(key, value_of(headers, "x-first-death-queue"), "x-first-death-queue");
  expect_value(string(""), value_of(headers, "x-first-death-exchange"), "x-first-death-exchange");
}

void requeue(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("work");
  amqp_bytes_t dead = name("dead");
  char body[4];
  uint64_t tags[6];
  field_t arguments[] = {field("x-dead-letter-exchange", string("")),
                         field("x-dead-letter-routing-key", string(dead.bytes))};
  declare_queue(connection, dead, amqp_empty_table);
  declare_queue(connection, queue, TABLE(arguments));
  for (int i = 1; i <= 5; i++) {
    snprintf(body, sizeof body, "%d", i);
    send_text(connection, queue, body);
  }
  amqp_basic_qos(connection, CHANNEL, 0, 5, 0);
  expect_ok(connection, "basic.qos");
  consume(connection, queue, amqp_empty_bytes, 0);
  for (int i = 1; i <= 5; i++) {
    amqp_envelope_t envelope = next_delivery(connection);
    snprintf(body, sizeof body, "%d", i);
    expect_text(body, envelope.message.body, "body");
    expect_number(0, envelope.redelivered, "redelivered");
    tags[i] = envelope.delivery_tag;
  }
  expect(amqp_basic_reject(connection, CHANNEL, tags[1], 0) == AMQP_STATUS_OK, "reject");
  expect(amqp_basic_nack(connection, CHANNEL, tags[2], 0, 0) == AMQP_STATUS_OK, "nack");
  expect(amqp_basic_nack(connection, CHANNEL, tags[4], 0, 1) == AMQP_STATUS_OK, "nack with requeue");
  ack(connection, tags[5], 0);
  expect(amqp_basic_reject(connection, CHANNEL, tags[3], 1) == AMQP_STATUS_OK, "reject with requeue");

  int came[2];
  for (int i = 0; i < 2; i++) {
    amqp_envelope_t envelope = next_delivery(connection);
    expect_number(1, envelope.redelivered, "redelivered");
    expect_number(1, (int64_t)envelope.message.body.len, "length of the body");
    came[i] = *(char *)envelope.message.body.bytes;
    if (i == 1) ack(connection, envelope.delivery_tag, 1);
  }
  expect((came[0] == '3' && came[1] == '4') || (came[0] == '4' && came[1] == '3'), "3 and 4 come again");
  close_channel(connection, CHANNEL);
  open_channel(connection, CHANNEL);
  expect_number(0, delete_queue(connection, queue), "messages in the queue");
  expect_dead(connection, dead, queue, "1");
  expect_dead(connection, dead, queue, "2");
  expect_number(0, delete_queue(connection, dead), "further dead messages");
  disconnect(connection);
}
