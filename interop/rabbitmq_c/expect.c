#include "expect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

amqp_bytes_t text(const char *string) { return amqp_cstring_bytes(string); }

void expect(int fact, const char *what) {
  if (!fact) fail("not so: %s", what);
}

void expect_number(int64_t expected, int64_t actual, const char *what) {
  if (expected != actual) fail("%s: expected %" PRId64 ", got %" PRId64, what, expected, actual);
}

static int shown(amqp_bytes_t bytes) { return bytes.len < 200 ? (int)bytes.len : 200; }

void expect_bytes(amqp_bytes_t expected, amqp_bytes_t actual, const char *what) {
  if (expected.len != actual.len || (expected.len != 0 && memcmp(expected.bytes, actual.bytes, expected.len) != 0))
    fail("%s: expected %zu octets '%.*s', got %zu octets '%.*s'", what, expected.len, shown(expected),
         (char *)expected.bytes, actual.len, shown(actual), (char *)actual.bytes);
}

void expect_text(const char *expected, amqp_bytes_t actual, const char *what) {
  expect_bytes(text(expected), actual, what);
}

void expect_prefix(const char *prefix, amqp_bytes_t actual, const char *what) {
  if (actual.len < strlen(prefix) || memcmp(prefix, actual.bytes, strlen(prefix)) != 0)
    fail("%s: expected '%s...', got '%.*s'", what, prefix, shown(actual), (char *)actual.bytes);
}
