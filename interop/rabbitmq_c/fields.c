#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"

#define MAKER(maker, type, kind_, member)                             \
  amqp_field_value_t maker(type value) {                              \
    amqp_field_value_t made = {.kind = kind_, .value.member = value}; \
    return made;                                                      \
  }

MAKER(boolean, int, AMQP_FIELD_KIND_BOOLEAN, boolean)
MAKER(int8, int8_t, AMQP_FIELD_KIND_I8, i8)
MAKER(uint8, uint8_t, AMQP_FIELD_KIND_U8, u8)
MAKER(int16, int16_t, AMQP_FIELD_KIND_I16, i16)
MAKER(uint16, uint16_t, AMQP_FIELD_KIND_U16, u16)
MAKER(int32, int32_t, AMQP_FIELD_KIND_I32, i32)
MAKER(uint32, uint32_t, AMQP_FIELD_KIND_U32, u32)
MAKER(int64, int64_t, AMQP_FIELD_KIND_I64, i64)
MAKER(float32, float, AMQP_FIELD_KIND_F32, f32)
MAKER(float64, double, AMQP_FIELD_KIND_F64, f64)
MAKER(timestamp, uint64_t, AMQP_FIELD_KIND_TIMESTAMP, u64)
MAKER(table, amqp_table_t, AMQP_FIELD_KIND_TABLE, table)

amqp_field_value_t decimal(uint8_t scale, uint32_t digits) {
  amqp_field_value_t made = {.kind = AMQP_FIELD_KIND_DECIMAL, .value.decimal = {.decimals = scale, .value = digits}};
  return made;
}

amqp_field_value_t string(const char *value) {
  amqp_field_value_t made = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = text(value)};
  return made;
}

amqp_field_value_t octets(const void *start, size_t size) {
  amqp_field_value_t made = {.kind = AMQP_FIELD_KIND_BYTES, .value.bytes = {.len = size, .bytes = (void *)start}};
  return made;
}

amqp_field_value_t nothing(void) {
  amqp_field_value_t made = {.kind = AMQP_FIELD_KIND_VOID};
  return made;
}

amqp_field_value_t array(const amqp_field_value_t *items, size_t count) {
  amqp_field_value_t made = {.kind = AMQP_FIELD_KIND_ARRAY};
  made.value.array.num_entries = (int)count;
  made.value.array.entries = (amqp_field_value_t *)items;
  return made;
}

field_t field(const char *key, amqp_field_value_t value) {
  field_t made = {.key = text(key), .value = value};
  return made;
}

amqp_table_t fields(field_t *entries, size_t count) {
  amqp_table_t made = {.num_entries = (int)count, .entries = entries};
  return made;
}

amqp_field_value_t value_of(amqp_table_t in, const char *key) {
  for (int i = 0; i < in.num_entries; i++) {
    amqp_bytes_t candidate = in.entries[i].key;
    if (candidate.len == strlen(key) && memcmp(candidate.bytes, key, candidate.len) == 0) return in.entries[i].value;
  }
  fail("the table has no %s", key);
}

/* -- comparing -- */

static void expect_array(amqp_array_t expected, amqp_array_t actual, const char *path) {
  expect_number(expected.num_entries, actual.num_entries, path);
  for (int i = 0; i < expected.num_entries; i++) {
    char deeper[300];
    snprintf(deeper, sizeof deeper, "%.200s[%d]", path, i);
    expect_value(expected.entries[i], actual.entries[i], deeper);
  }
}

void expect_table(amqp_table_t expected, amqp_table_t actual, const char *path) {
  expect_number(expected.num_entries, actual.num_entries, path);
  for (int i = 0; i < expected.num_entries; i++) {
    amqp_bytes_t key = expected.entries[i].key;
    char deeper[300];
    snprintf(deeper, sizeof deeper, "%.200s.%.*s", path, key.len < 80 ? (int)key.len : 80, (char *)key.bytes);
    expect_bytes(key, actual.entries[i].key, deeper);
    expect_value(expected.entries[i].value, actual.entries[i].value, deeper);
  }
}

#define COMPARE(member)                                              \
  if (memcmp(&expected.value.member, &actual.value.member, sizeof expected.value.member) != 0) \
  fail("%s: another value of type %c", path, expected.kind)

void expect_value(amqp_field_value_t expected, amqp_field_value_t actual, const char *path) {
  if (expected.kind != actual.kind) fail("%s: expected type %c, got %c", path, expected.kind, actual.kind);
  switch (expected.kind) {
    case AMQP_FIELD_KIND_BOOLEAN: expect_number(expected.value.boolean, actual.value.boolean, path); break;
    case AMQP_FIELD_KIND_I8: expect_number(expected.value.i8, actual.value.i8, path); break;
    case AMQP_FIELD_KIND_U8: expect_number(expected.value.u8, actual.value.u8, path); break;
    case AMQP_FIELD_KIND_I16: expect_number(expected.value.i16, actual.value.i16, path); break;
    case AMQP_FIELD_KIND_U16: expect_number(expected.value.u16, actual.value.u16, path); break;
    case AMQP_FIELD_KIND_I32: expect_number(expected.value.i32, actual.value.i32, path); break;
    case AMQP_FIELD_KIND_U32: expect_number(expected.value.u32, actual.value.u32, path); break;
    case AMQP_FIELD_KIND_I64: expect_number(expected.value.i64, actual.value.i64, path); break;
    case AMQP_FIELD_KIND_TIMESTAMP: COMPARE(u64); break;
    case AMQP_FIELD_KIND_F32: COMPARE(f32); break;
    case AMQP_FIELD_KIND_F64: COMPARE(f64); break;
    case AMQP_FIELD_KIND_DECIMAL:
      expect_number(expected.value.decimal.decimals, actual.value.decimal.decimals, path);
      expect_number(expected.value.decimal.value, actual.value.decimal.value, path);
      break;
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES: expect_bytes(expected.value.bytes, actual.value.bytes, path); break;
    case AMQP_FIELD_KIND_VOID: break;
    case AMQP_FIELD_KIND_ARRAY: expect_array(expected.value.array, actual.value.array, path); break;
    case AMQP_FIELD_KIND_TABLE: expect_table(expected.value.table, actual.value.table, path); break;
    default: fail("%s: a type %c that nobody asked for", path, expected.kind);
  }
}
