/* What must be so. Whatever is not ends the process with status 1 and says what was seen. */
#ifndef EXPECT_H
#define EXPECT_H

#include <amqp.h>
#include <stdint.h>

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Bytes of a C string; the string has to outlive them. */
amqp_bytes_t text(const char *string);

void expect(int fact, const char *what);
void expect_number(int64_t expected, int64_t actual, const char *what);
void expect_text(const char *expected, amqp_bytes_t actual, const char *what);
void expect_bytes(amqp_bytes_t expected, amqp_bytes_t actual, const char *what);
void expect_prefix(const char *prefix, amqp_bytes_t actual, const char *what);

#endif
