/* Values of header tables: every type that this client writes, and the runner's message. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "contents.h"
#include "expect.h"
#include "fields.h"
#include "messages.h"
#include "scenarios.h"

/* Type L (unsigned 64 bits) is missing: RabbitMQ has no such type and closes the connection. A key without octets is
 * missing, too: the library writes it, but refuses to read one. */
static void what_we_write(connection_t connection) {
  static char longer[100001];
  static char key[129];
  memset(longer, 'x', sizeof longer - 1);
  memset(key, 'k', sizeof key - 1);
  amqp_bytes_t every_octet = pattern(256, 1);
  field_t one[] = {field("deep", array(NULL, 0)), field("empty", table(amqp_empty_table))};
  amqp_field_value_t in[] = {table(TABLE(one)), float32(1.5f), array(NULL, 0)};
  field_t two[] = {field("in", ARRAY(in)), field("x", int8(1))};
  amqp_field_value_t mixed[] = {int32(1), int64(2), string("three"), nothing(), boolean(1), float64(5.0),
                                octets("6", 1), ARRAY(in), uint32(7), decimal(1, 80), timestamp(9), table(TABLE(two))};
  field_t headers[] = {
      field("true", boolean(1)), field("false", boolean(0)),
      field("int8-min", int8(INT8_MIN)), field("int8-max", int8(INT8_MAX)),
      field("uint8-min", uint8(0)), field("uint8-max", uint8(UINT8_MAX)),
      field("int16-min", int16(INT16_MIN)), field("int16-max", int16(INT16_MAX)),
      field("uint16-min", uint16(0)), field("uint16-max", uint16(UINT16_MAX)),
      field("int32-min", int32(INT32_MIN)), field("int32-max", int32(INT32_MAX)),
      field("uint32-min", uint32(0)), field("uint32-max", uint32(UINT32_MAX)),
      field("int64-min", int64(INT64_MIN)), field("int64-max", int64(INT64_MAX)),
      field("float", float32(-1.5f)), field("float-max", float32(FLT_MAX)), field("float-min", float32(FLT_MIN)),
      field("double", float64(3.141592653589793)), field("double-max", float64(DBL_MAX)),
      field("double-least", float64(5e-324)), field("minus-zero", float64(-0.0)),
      field("decimal", decimal(5, 314159)), field("decimal-max", decimal(255, UINT32_MAX)),
      field("decimal-zero", decimal(0, 0)),
      field("epoch", timestamp(0)), field("timestamp", timestamp(1700000000)),
      field("timestamp-far", timestamp(253402300799)), field("timestamp-max", timestamp(INT64_MAX)),
      field("text-empty", string("")), field("text", string("żółw 🐢")), field("text-long", string(longer)),
      field("octets", octets(every_octet.bytes, every_octet.len)), field("octets-empty", octets(NULL, 0)),
      field("nothing", nothing()),
      field("array", ARRAY(mixed)), field("array-empty", array(NULL, 0)),
      field("table", table(TABLE(two))), field("table-empty", table(amqp_empty_table)),
      field("schlüssel", string("non-ASCII key")), field(key, string("a long key")),
  };
  amqp_bytes_t queue = name("types");
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG, .headers = TABLE(headers)};
  declare_queue(connection, queue, amqp_empty_table);
  publish(connection, "", queue, &properties, amqp_empty_bytes);
  amqp_bytes_t tag = consume(connection, queue, amqp_empty_bytes, 1);
  amqp_envelope_t envelope = next_delivery(connection);
  expect_number(AMQP_BASIC_HEADERS_FLAG, envelope.message.properties._flags, "which properties there are");
  expect_table(properties.headers, envelope.message.properties.headers, "headers");
  amqp_basic_cancel(connection, CHANNEL, tag);
  expect_ok(connection, "basic.cancel");
  delete_queue(connection, queue);

  properties.headers = amqp_empty_table; /* no headers are something else than an empty table of them */
  queue = name("empty");
  declare_queue(connection, queue, amqp_empty_table);
  publish(connection, "", queue, &properties, amqp_empty_bytes);
  struct got got = get_message(connection, queue, 1);
  expect_number(AMQP_BASIC_HEADERS_FLAG, got.message.properties._flags, "which properties there are");
  expect_number(0, got.message.properties.headers.num_entries, "headers of an empty table");
  delete_queue(connection, queue);
}

/* The message of interop/headers.toml; a sign or a width that is lost would be another type here. */
static void what_waits(connection_t connection) {
  static char digits[301];
  for (int i = 0; i < 300; i++) digits[i] = (char)('0' + i % 10);
  const unsigned char octet[] = {0x00, 0xff, 0x80, 0xc3, 0x28, 0x0d, 0x0a};
  const amqp_field_value_t inner[] = {int64(4294967296)};
  field_t in[] = {field("in", string("an array"))};
  const amqp_field_value_t items[] = {boolean(1), int32(-7), string("two"), nothing(), ARRAY(inner), table(TABLE(in))};
  field_t deepest[] = {field("deepest", boolean(0))};
  const amqp_field_value_t list[] = {table(TABLE(deepest))};
  field_t deeper[] = {field("list", ARRAY(list))};
  field_t nested[] = {field("number", int32(42)), field("nothing", nothing()), field("clé", string("valeur")),
                      field("deeper", table(TABLE(deeper)))};
  field_t headers[] = {
      field("boolean-true", boolean(1)), field("boolean-false", boolean(0)),
      field("int8-min", int8(-128)), field("int8-max", int8(127)),
      field("uint8-min", uint8(0)), field("uint8-max", uint8(255)),
      field("int16-min", int16(-32768)), field("int16-max", int16(32767)),
      field("uint16-min", uint16(0)), field("uint16-max", uint16(65535)),
      field("int32-min", int32(INT32_MIN)), field("int32-max", int32(2147483647)),
      field("uint32-min", uint32(0)), field("uint32-max", uint32(4294967295)),
      field("int64-min", int64(INT64_MIN)), field("int64-max", int64(INT64_MAX)),
      field("float", float32(1.5f)), field("float-negative", float32(-0.0625f)),
      field("double", float64(3.141592653589793)), field("double-large", float64(-1.0e300)),
      field("decimal", decimal(2, 31416)), field("decimal-whole", decimal(0, 4294967295)),
      field("timestamp", timestamp(1700000000)), field("timestamp-zero", timestamp(0)),
      field("text", string("grüße, 世界 🐇")), field("text-empty", string("")), field("text-long", string(digits)),
      field("octets", octets(octet, sizeof octet)), field("octets-empty", octets(NULL, 0)),
      field("void", nothing()),
      field("array", ARRAY(items)), field("array-empty", array(NULL, 0)),
      field("table", table(TABLE(nested))), field("table-empty", table(amqp_empty_table)),
  };
  struct got got = get_message(connection, name("headers"), 1);
  expect_text("every type", got.message.body, "body");
  expect_number(AMQP_BASIC_HEADERS_FLAG, got.message.properties._flags, "which properties there are");
  expect_table(TABLE(headers), got.message.properties.headers, "the runner's headers");
}

void header_types(void) {
  connection_t connection = connected();
  what_we_write(connection);
  what_waits(connection);
  disconnect(connection);
}
