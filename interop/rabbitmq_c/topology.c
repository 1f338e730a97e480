/* Exchanges, queues, bindings. */
#include "expect.h"
#include "fields.h"
#include "messages.h"
#include "scenarios.h"

static const char *const kinds[] = {"direct", "fanout", "topic", "headers"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void bind(connection_t connection, amqp_bytes_t queue, const char *kind, const char *key, amqp_table_t table) {
  amqp_queue_bind(connection, CHANNEL, queue, name(kind), text(key), table);
  expect_ok(connection, "queue.bind");
}

static void to(connection_t connection, const char *kind, const char *key, amqp_table_t headers) {
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG, .headers = headers};
  publish(connection, name(kind).bytes, text(key), headers.num_entries ? &properties : NULL, text(key));
}

/* A message with this key arrives in the queue, and is all that is there. */
static void arrives(connection_t connection, amqp_bytes_t queue, const char *kind, const char *key, amqp_table_t table) {
  to(connection, kind, key, table);
  struct got got = get_message(connection, queue, 1);
  expect_bytes(name(kind), got.answer.exchange, "exchange");
  expect_text(key, got.answer.routing_key, "routing key");
  expect_text(key, got.message.body, "body");
  expect_number(0, got.answer.message_count, "messages left");
}

static void is_missed(connection_t connection, amqp_bytes_t queue, const char *kind, const char *key, amqp_table_t table) {
  to(connection, kind, key, table);
  expect_empty(connection, queue);
}

static void route(connection_t connection, amqp_bytes_t queue) {
  const amqp_table_t none = amqp_empty_table;
  is_missed(connection, queue, "direct", "blue", none);
  arrives(connection, queue, "direct", "red", none);
  arrives(connection, queue, "fanout", "anything", none);
  is_missed(connection, queue, "direct", "Through", none);
  arrives(connection, queue, "direct", "through", none);
  is_missed(connection, queue, "topic", "a", none);
  is_missed(connection, queue, "topic", "b.a.c", none);
  arrives(connection, queue, "topic", "a.b", none);
  arrives(connection, queue, "topic", "a.b.c.d", none);
  field_t neither[] = {field("colour", string("blue")), field("size", int32(4))};
  field_t colour[] = {field("colour", string("red")), field("size", int32(4))};
  field_t size[] = {field("size", int32(3))};
  is_missed(connection, queue, "headers", "", TABLE(neither));
  is_missed(connection, queue, "headers", "", none);
  arrives(connection, queue, "headers", "", TABLE(colour));
  arrives(connection, queue, "headers", "", TABLE(size));
}

/* A declare may overtake messages that are not confirmed yet. */
static void counts(connection_t connection, amqp_bytes_t queue) {
  select_confirms(connection);
  for (int sent = 0; sent < 3; sent++) to(connection, "direct", "red", amqp_empty_table);
  await_acks(connection, 3);
  amqp_queue_declare_ok_t seen = see_queue(connection, queue);
  expect_number(3, seen.message_count, "the message count");
  expect_number(0, seen.consumer_count, "the consumer count");
  amqp_queue_purge_ok_t *purged = amqp_queue_purge(connection, CHANNEL, queue);
  expect_ok(connection, "queue.purge");
  expect_number(3, purged->message_count, "the purged messages");
  expect_number(0, see_queue(connection, queue).message_count, "the message count after the purge");

  amqp_queue_unbind(connection, CHANNEL, queue, name("direct"), text("red"), amqp_empty_table);
  expect_ok(connection, "queue.unbind");
  to(connection, "direct", "red", amqp_empty_table);
  await_acks(connection, 1);
  expect_empty(connection, queue);
}

void declare_bind(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("bound");
  field_t arguments[] = {field("x-max-length", int32(1000)), field("x-message-ttl", int32(60000)),
                         field("x-dead-letter-exchange", string(""))};
  for (int i = 0; i < KINDS; i++) {
    amqp_exchange_declare(connection, CHANNEL, name(kinds[i]), text(kinds[i]), 0, 1, 0, 0, amqp_empty_table);
    expect_ok(connection, "exchange.declare");
  }
  amqp_queue_declare(connection, CHANNEL, queue, 0, 1, 0, 0, TABLE(arguments));
  expect_ok(connection, "queue.declare");
  field_t any[] = {field("x-match", string("any")), field("colour", string("red")), field("size", int32(3))};
  bind(connection, queue, "direct", "red", amqp_empty_table);
  bind(connection, queue, "fanout", "", amqp_empty_table);
  bind(connection, queue, "topic", "a.*.#", amqp_empty_table);
  bind(connection, queue, "headers", "", TABLE(any));
  amqp_exchange_bind(connection, CHANNEL, name("fanout"), name("direct"), text("through"), amqp_empty_table);
  expect_ok(connection, "exchange.bind");

  route(connection, queue);
  counts(connection, queue);

  arguments[0] = field("x-max-length", int32(5));
  amqp_queue_declare(connection, CHANNEL, queue, 0, 1, 0, 0, TABLE(arguments));
  expect_channel_close(connection, CHANNEL, 406, "PRECONDITION_FAILED - inequivalent arg 'x-max-length'");
  amqp_queue_declare(connection, CHANNEL, name("missing"), 1, 0, 0, 0, amqp_empty_table);
  expect_channel_close(connection, CHANNEL, 404, "NOT_FOUND - no queue '");

  amqp_exchange_unbind(connection, CHANNEL, name("fanout"), name("direct"), text("through"), amqp_empty_table);
  expect_ok(connection, "exchange.unbind");
  delete_queue(connection, queue);
  for (int i = 0; i < KINDS; i++) {
    amqp_exchange_delete(connection, CHANNEL, name(kinds[i]), 0);
    expect_ok(connection, "exchange.delete");
  }
  amqp_exchange_declare(connection, CHANNEL, name("direct"), text("direct"), 1, 0, 0, 0, amqp_empty_table);
  expect_channel_close(connection, CHANNEL, 404, "NOT_FOUND - no exchange '");
  disconnect(connection);
}

void exclusive(void) {
  static const char locked[] = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue";
  connection_t owner = connected();
  amqp_queue_declare_ok_t *ok = amqp_queue_declare(owner, CHANNEL, amqp_empty_bytes, 0, 0, 1, 0, amqp_empty_table);
  expect_ok(owner, "queue.declare");
  amqp_bytes_t queue = amqp_bytes_malloc_dup(ok->queue);
  expect_prefix("amq.gen-", queue, "the broker's name");
  consume(owner, queue, amqp_empty_bytes, 1);
  send_text(owner, queue, "for me");
  expect_text("for me", next_delivery(owner).message.body, "body");
  amqp_bytes_t named = name("exclusive");
  amqp_queue_declare(owner, CHANNEL, named, 0, 0, 1, 0, amqp_empty_table);
  expect_ok(owner, "queue.declare");

  connection_t other = connected();
  amqp_queue_declare(other, CHANNEL, queue, 1, 0, 0, 0, amqp_empty_table);
  expect_channel_close(other, CHANNEL, 405, locked);
  amqp_queue_declare(other, CHANNEL, named, 0, 0, 1, 0, amqp_empty_table);
  expect_channel_close(other, CHANNEL, 405, locked);
  amqp_basic_consume(other, CHANNEL, queue, amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
  expect_channel_close(other, CHANNEL, 405, locked);
  amqp_basic_get(other, CHANNEL, queue, 1);
  expect_channel_close(other, CHANNEL, 405, locked);
  disconnect(owner);
  amqp_queue_declare(other, CHANNEL, queue, 1, 0, 0, 0, amqp_empty_table);
  expect_channel_close(other, CHANNEL, 404, "NOT_FOUND - no queue '");

  amqp_bytes_t shared = name("shared");
  declare_queue(other, shared, amqp_empty_table);
  amqp_basic_consume(other, CHANNEL, shared, amqp_empty_bytes, 0, 1, 1, amqp_empty_table);
  expect_ok(other, "exclusive basic.consume");
  open_channel(other, OTHER_CHANNEL);
  amqp_basic_consume(other, OTHER_CHANNEL, shared, amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
  expect_channel_close(other, OTHER_CHANNEL, 403, "ACCESS_REFUSED - queue '");
  delete_queue(other, shared);
  disconnect(other);
}
