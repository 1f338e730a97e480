package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// failure is what a scenario that saw something else panics with.
type failure string

func fail(format string, values ...any) {
	_, file, line, _ := runtime.Caller(2)
	panic(failure(fmt.Sprintf(format, values...) + fmt.Sprintf(" (%s:%d)", filepath.Base(file), line)))
}

// must fails unless there is no error.
func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

// holds fails unless the condition does.
func holds(condition bool, format string, values ...any) {
	if !condition {
		fail(format, values...)
	}
}

// same fails unless both have the same type and the same value all the way down.
func same(got, want any, what string) {
	if !reflect.DeepEqual(got, want) {
		fail("%s: expected %#v, got %#v", what, want, got)
	}
}

// sameOctets fails unless both hold the same octets.
func sameOctets(got, want []byte, what string) {
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	fail("%s: %d octets, not %d; the first difference is at %d", what, len(got), len(want), at)
}

// answeredWith fails unless the error is a reply of the broker with this code.
func answeredWith(err error, code int, what string) {
	var reply *amqp.Error
	if !errors.As(err, &reply) || !reply.Server || reply.Code != code {
		fail("%s: expected %d from the broker, got %#v", what, code, err)
	}
}

// receive waits for the next value of a channel; it fails when none comes or the channel is closed.
func receive[T any](from <-chan T, what string) T {
	select {
	case value, open := <-from:
		holds(open, "%s: none, the channel is closed", what)
		return value
	case <-time.After(deadline):
		fail("%s: none in %v", what, deadline)
	}
	panic("unreachable")
}

// nothing fails when a value waits in the channel.
func nothing[T any](from <-chan T, what string) {
	runtime.Gosched() // whoever hands values over gets its turn
	select {
	case value, open := <-from:
		if open {
			fail("%s: %v", what, value)
		}
	default:
	}
}
