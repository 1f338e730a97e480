/* What a message holds comes as it went: properties and body. */
#include "contents.h"

#include "expect.h"
#include "fields.h"
#include "messages.h"
#include "scenarios.h"

amqp_bytes_t pattern(size_t size, unsigned step) {
  amqp_bytes_t made = amqp_bytes_malloc(size);
  if (made.bytes == NULL) fail("out of memory");
  for (size_t i = 0; i < size; i++) ((unsigned char *)made.bytes)[i] = (unsigned char)(i * step + i / 256);
  return made;
}

static void expect_properties(const amqp_basic_properties_t *sent, const amqp_basic_properties_t *came) {
  expect_number(sent->_flags, came->_flags, "which properties there are");
  expect_bytes(sent->content_type, came->content_type, "content-type");
  expect_bytes(sent->content_encoding, came->content_encoding, "content-encoding");
  expect_table(sent->headers, came->headers, "headers");
  expect_number(sent->delivery_mode, came->delivery_mode, "delivery-mode");
  expect_number(sent->priority, came->priority, "priority");
  expect_bytes(sent->correlation_id, came->correlation_id, "correlation-id");
  expect_bytes(sent->reply_to, came->reply_to, "reply-to");
  expect_bytes(sent->expiration, came->expiration, "expiration");
  expect_bytes(sent->message_id, came->message_id, "message-id");
  expect_number((int64_t)sent->timestamp, (int64_t)came->timestamp, "timestamp");
  expect_bytes(sent->type, came->type, "type");
  expect_bytes(sent->user_id, came->user_id, "user-id");
  expect_bytes(sent->app_id, came->app_id, "app-id");
  expect_bytes(sent->cluster_id, came->cluster_id, "cluster-id");
}

/* Only the properties that the flags name are decoded; the others are cleared before they are compared. */
static void expect_content(connection_t connection, amqp_bytes_t queue, const amqp_basic_properties_t *properties,
                           amqp_bytes_t body) {
  amqp_envelope_t envelope = next_delivery(connection);
  expect_text("", envelope.exchange, "exchange");
  expect_bytes(queue, envelope.routing_key, "routing key");
  expect_number(0, envelope.redelivered, "redelivered");
  expect_properties(properties, &envelope.message.properties);
  expect_bytes(body, envelope.message.body, "body");
  ack(connection, envelope.delivery_tag, 0);
}

void publish_consume(void) {
  connection_t connection = connected();
  amqp_bytes_t queue = name("contents");
  field_t kind[] = {field("kind", string("full"))};
  const amqp_basic_properties_t full = {
      ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_HEADERS_FLAG |
                AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG |
                AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_APP_ID_FLAG |
                AMQP_BASIC_CLUSTER_ID_FLAG,
      .content_type = text("application/octet-stream"),
      .content_encoding = text("identity"),
      .headers = TABLE(kind),
      .delivery_mode = AMQP_DELIVERY_PERSISTENT,
      .priority = 5,
      .correlation_id = text("correlation-1"),
      .reply_to = text("answers"),
      .expiration = text("60000"),
      .message_id = text("message-1"),
      .timestamp = 1700000000,
      .type = text("test.full"),
      .user_id = text("guest"),
      .app_id = text("interop"),
      .cluster_id = text("cluster"),
  };
  const amqp_basic_properties_t none = {._flags = 0};
  field_t key[] = {field("clé-日本", string("été 🐇"))};
  const amqp_basic_properties_t accented = {._flags = AMQP_BASIC_HEADERS_FLAG, .headers = TABLE(key)};
  amqp_bytes_t body = pattern(1000, 1);

  amqp_queue_declare(connection, CHANNEL, queue, 0, 1, 0, 0, amqp_empty_table);
  expect_ok(connection, "queue.declare");
  publish(connection, "", queue, &full, body);
  publish(connection, "", queue, &none, amqp_empty_bytes);
  publish(connection, "", queue, &accented, text("żółw, 亀, 🐢"));
  consume(connection, queue, amqp_empty_bytes, 0);
  expect_content(connection, queue, &full, body);
  expect_content(connection, queue, &none, amqp_empty_bytes);
  expect_content(connection, queue, &accented, text("żółw, 亀, 🐢"));
  close_channel(connection, CHANNEL); /* whatever was not acknowledged goes back to the queue */
  open_channel(connection, CHANNEL);
  expect_number(0, delete_queue(connection, queue), "messages after the acks");
  disconnect(connection);
}

void large_message(void) {
  enum { SIZE = 10485760 };
  connection_t connection = connected();
  amqp_bytes_t queue = name("large");
  amqp_bytes_t first = pattern(SIZE, 3);
  amqp_bytes_t second = pattern(SIZE, 5);
  declare_queue(connection, queue, amqp_empty_table);
  publish(connection, "", queue, NULL, first);
  publish(connection, "", queue, NULL, second);
  consume(connection, queue, amqp_empty_bytes, 0);
  const amqp_basic_properties_t none = {._flags = 0};
  expect_content(connection, queue, &none, first);
  expect_content(connection, queue, &none, second);
  delete_queue(connection, queue);
  disconnect(connection);
}
