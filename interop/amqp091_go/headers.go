package main

import (
	"math"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Every type of a field table has a Go type of its own, so that the types are compared as well as the values.

// none is the empty array as the client reads it.
var none []any

func ownHeaders() amqp.Table {
	return amqp.Table{
		"true":             true,
		"false":            false,
		"int8 min":         int8(math.MinInt8),
		"int8 max":         int8(math.MaxInt8),
		"uint8 max":        byte(math.MaxUint8),
		"int16 min":        int16(math.MinInt16),
		"int16 max":        int16(math.MaxInt16),
		"uint16 max":       uint16(math.MaxUint16),
		"int32 min":        int32(math.MinInt32),
		"int32 max":        int32(math.MaxInt32),
		"uint32 max":       uint32(math.MaxUint32),
		"int64 min":        int64(math.MinInt64),
		"int64 max":        int64(math.MaxInt64),
		"float":            float32(0.1),
		"float max":        float32(math.MaxFloat32),
		"double":           0.1,
		"double max":       math.MaxFloat64,
		"double smallest":  math.SmallestNonzeroFloat64,
		"decimal":          amqp.Decimal{Scale: 2, Value: 31416},
		"decimal scale":    amqp.Decimal{Scale: 255, Value: math.MaxInt32},
		"timestamp":        moment,
		"timestamp 1970":   time.Unix(0, 0),
		"short text":       "ü",
		"long text":        strings.Repeat("lang ", 10_000),
		"empty text":       "",
		"octets":           everyOctet(),
		"empty octets":     []byte{},
		"nothing":          nil,
		"array":            []any{int32(1), "two", nil, []any{true, none}, amqp.Table{"deep": []any{int64(-1)}}},
		"empty array":      none,
		"table":            amqp.Table{"one": int8(1), "two": amqp.Table{"three": []any{"four", amqp.Table{"five": nil}}}},
		"tables in arrays": []any{amqp.Table{"a": []any{amqp.Table{"b": []any{amqp.Table{}}}}}},
		"empty table":      amqp.Table{},
	}
}

// everyType is the list in ../headers.toml; the client reads the 32 bits of a decimal as signed.
func everyType() amqp.Table {
	return amqp.Table{
		"boolean-true":   true,
		"boolean-false":  false,
		"int8-min":       int8(-128),
		"int8-max":       int8(127),
		"uint8-min":      byte(0),
		"uint8-max":      byte(255),
		"int16-min":      int16(-32768),
		"int16-max":      int16(32767),
		"uint16-min":     uint16(0),
		"uint16-max":     uint16(65535),
		"int32-min":      int32(-2147483648),
		"int32-max":      int32(2147483647),
		"uint32-min":     uint32(0),
		"uint32-max":     uint32(4294967295),
		"int64-min":      int64(-9223372036854775808),
		"int64-max":      int64(9223372036854775807),
		"float":          float32(1.5),
		"float-negative": float32(-0.0625),
		"double":         3.141592653589793,
		"double-large":   -1.0e300,
		"decimal":        amqp.Decimal{Scale: 2, Value: 31416},
		"decimal-whole":  amqp.Decimal{Scale: 0, Value: -1}, // 4294967295
		"timestamp":      time.Unix(1700000000, 0),
		"timestamp-zero": time.Unix(0, 0),
		"text":           "grüße, 世界 🐇",
		"text-empty":     "",
		"text-long":      strings.Repeat("0123456789", 30),
		"octets":         []byte{0x00, 0xff, 0x80, 0xc3, 0x28, 0x0d, 0x0a},
		"octets-empty":   []byte{},
		"void":           nil,
		"array":          []any{true, int32(-7), "two", nil, []any{int64(4294967296)}, amqp.Table{"in": "an array"}},
		"array-empty":    none,
		"table": amqp.Table{
			"number":  int32(42),
			"nothing": nil,
			"clé":     "valeur",
			"deeper":  amqp.Table{"list": []any{amqp.Table{"deepest": false}}},
		},
		"table-empty": amqp.Table{},
	}
}

func headerTypes() {
	withChannel(func(channel *amqp.Channel, _ *amqp.Connection) {
		queue := name("types")
		declare(channel, queue, nil)
		send(channel, "", queue, amqp.Publishing{Headers: ownHeaders()})
		sameTable(receive(consume(channel, queue, "", true), "a delivery").Headers, ownHeaders())
		remove(channel, queue, 0)

		given := receive(consume(channel, name("headers"), "", true), "the message with every type")
		same(string(given.Body), "every type", "its body")
		sameTable(given.Headers, everyType())
	})
}

// sameTable names the header that differs.
func sameTable(got, want amqp.Table) {
	for key, value := range want {
		same(got[key], value, "the header "+key)
	}
	same(got, want, "the headers")
}
