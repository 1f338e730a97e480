/* Field tables: written by hand, and compared type by type. */
#ifndef FIELDS_H
#define FIELDS_H

#include <amqp.h>

amqp_field_value_t boolean(int value);
amqp_field_value_t int8(int8_t value);
amqp_field_value_t uint8(uint8_t value);
amqp_field_value_t int16(int16_t value);
amqp_field_value_t uint16(uint16_t value);
amqp_field_value_t int32(int32_t value);
amqp_field_value_t uint32(uint32_t value);
amqp_field_value_t int64(int64_t value);
amqp_field_value_t float32(float value);
amqp_field_value_t float64(double value);
amqp_field_value_t decimal(uint8_t scale, uint32_t digits);
amqp_field_value_t timestamp(uint64_t seconds);
amqp_field_value_t string(const char *value);
amqp_field_value_t octets(const void *start, size_t size);
amqp_field_value_t nothing(void);
amqp_field_value_t array(const amqp_field_value_t *items, size_t count);
amqp_field_value_t table(amqp_table_t fields);

typedef amqp_table_entry_t field_t;
field_t field(const char *key, amqp_field_value_t value);
/* A table of these fields, which have to outlive it. */
amqp_table_t fields(field_t *entries, size_t count);
#define TABLE(entries) fields(entries, sizeof(entries) / sizeof *(entries))
#define ARRAY(items) array(items, sizeof(items) / sizeof *(items))

/* The value of a key that must be there. */
amqp_field_value_t value_of(amqp_table_t in, const char *key);
/* The tables hold the same fields of the same types in the same order. */
void expect_table(amqp_table_t expected, amqp_table_t actual, const char *path);
void expect_value(amqp_field_value_t expected, amqp_field_value_t actual, const char *path);

#endif
