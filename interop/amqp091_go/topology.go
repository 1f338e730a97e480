package main

import (
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func limits(length int32) amqp.Table {
	return amqp.Table{"x-max-length": length, "x-message-ttl": int32(60000), "x-dead-letter-exchange": ""}
}

func declareLimited(channel *amqp.Channel, length int32) error {
	_, err := channel.QueueDeclare(name("bound"), true, false, false, false, limits(length))
	return err
}

func declareBind() {
	withChannel(func(channel *amqp.Channel, connection *amqp.Connection) {
		must(channel.Confirm(false), "confirm mode")
		queue := name("bound")
		direct, fanout, topic, headers, source :=
			name("direct"), name("fanout"), name("topic"), name("headers"), name("source")
		kinds := [][2]string{
			{direct, "direct"}, {fanout, "fanout"}, {topic, "topic"}, {headers, "headers"}, {source, "direct"},
		}
		for _, each := range kinds {
			must(channel.ExchangeDeclare(each[0], each[1], true, false, false, false, nil), "declaring "+each[0])
		}
		must(declareLimited(channel, 1000), "declaring the queue")
		must(channel.QueueBind(queue, "key", direct, false, nil), "binding by key")
		must(channel.QueueBind(queue, "", fanout, false, nil), "binding without key")
		must(channel.QueueBind(queue, "a.*.#", topic, false, nil), "binding by pattern")
		match := amqp.Table{"x-match": "any", "colour": "red", "size": int32(3)}
		must(channel.QueueBind(queue, "", headers, false, match), "binding by headers")
		must(channel.ExchangeBind(fanout, "through", source, false, nil), "binding an exchange")

		arrive(channel, queue, []publication{
			{direct, "key", nil, true},
			{direct, "other", nil, false},
			{fanout, "whatever", nil, true},
			{topic, "a.b.c.d", nil, true},
			{topic, "a", nil, false},
			{headers, "red", amqp.Table{"colour": "red", "size": int32(9)}, true},
			{headers, "three", amqp.Table{"colour": "blue", "size": int32(3)}, true},
			{headers, "neither", amqp.Table{"colour": "blue", "size": int32(4)}, false},
			{source, "through", nil, true},
			{source, "past", nil, false},
		})

		send(channel, direct, "key", amqp.Publishing{Body: []byte("1")})
		send(channel, direct, "key", amqp.Publishing{Body: []byte("2")})
		same(look(channel, queue), amqp.Queue{Name: queue, Messages: 2}, "a passive declare")
		purged, err := channel.QueuePurge(queue, false)
		must(err, "purging")
		same(purged, 2, "purged messages")
		must(channel.QueueUnbind(queue, "key", direct, nil), "unbinding")
		send(channel, direct, "key", amqp.Publishing{Body: []byte("unbound")})
		empty(channel, queue, "after the unbind")

		refused(connection, amqp.PreconditionFailed, "another x-max-length", func(own *amqp.Channel) error {
			return declareLimited(own, 5)
		})
		refused(connection, amqp.NotFound, "a missing queue", lookError(name("missing")))

		remove(channel, queue, 0)
		for _, each := range kinds {
			must(channel.ExchangeDelete(each[0], false, false), "deleting "+each[0])
		}
		refused(connection, amqp.NotFound, "a deleted exchange", func(own *amqp.Channel) error {
			return own.ExchangeDeclarePassive(direct, "direct", true, false, false, false, nil)
		})
	})
}

type publication struct {
	exchange, key string
	headers       amqp.Table
	arrives       bool
}

// arrive publishes each in turn and sees those in the queue that must arrive, and no others.
func arrive(channel *amqp.Channel, queue string, publications []publication) {
	var expected []publication
	for _, each := range publications {
		body := []byte(each.exchange + " " + each.key)
		send(channel, each.exchange, each.key, amqp.Publishing{Headers: each.headers, Body: body})
		if each.arrives {
			expected = append(expected, each)
		}
	}
	same(look(channel, queue).Messages, len(expected), "messages that arrived")
	for _, each := range expected {
		message := take(channel, queue)
		same(string(message.Body), each.exchange+" "+each.key, "the next message")
		same([]string{message.Exchange, message.RoutingKey}, []string{each.exchange, each.key}, "its exchange and key")
	}
	empty(channel, queue, "after the last")
}

func exclusive() {
	owner := connect()
	owning := open(owner)
	declared, err := owning.QueueDeclare("", false, false, true, false, nil)
	must(err, "declaring an exclusive queue")
	queue := declared.Name
	holds(strings.HasPrefix(queue, "amq.gen-"), "the server named the queue %q", queue)
	deliveries := consume(owning, queue, "", true)
	sendTexts(owning, queue, "mine")
	same(string(receive(deliveries, "a delivery").Body), "mine", "the message")

	withChannel(func(channel *amqp.Channel, other *amqp.Connection) {
		refused(other, amqp.ResourceLocked, "another connection's declare", lookError(queue))
		refused(other, amqp.ResourceLocked, "another connection's consume", consumeError(queue))
		refused(other, amqp.ResourceLocked, "another connection's get", func(own *amqp.Channel) error {
			_, _, err := own.Get(queue, true)
			return err
		})
		must(owner.Close(), "closing the owner's connection")
		gone(other, queue)

		single := name("single")
		declare(channel, single, nil)
		_, err := channel.Consume(single, "", true, true, false, false, nil)
		must(err, "consuming exclusively")
		refused(other, amqp.AccessRefused, "a second consumer", consumeError(single))
		remove(channel, single, 0)
	})
}

// gone waits until a queue whose owner has gone is gone, too: until then it is still locked.
func gone(connection *amqp.Connection, queue string) {
	for until := time.Now().Add(deadline); ; {
		err := lookError(queue)(open(connection))
		if codeOf(err) != amqp.ResourceLocked || time.Now().After(until) {
			answeredWith(err, amqp.NotFound, fmt.Sprintf("%s after its owner", queue))
			return
		}
	}
}
