package main

import (
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

func confirms() {
	withChannel(func(channel *amqp.Channel, _ *amqp.Connection) {
		must(channel.Confirm(false), "confirm mode")
		queue, messages := name("confirmed"), uint64(200)
		declare(channel, queue, nil)
		outcomes := channel.NotifyPublish(make(chan amqp.Confirmation, messages+1))
		for number := uint64(1); number <= messages; number++ {
			body := []byte(strconv.FormatUint(number, 10))
			must(channel.Publish("", queue, false, false, amqp.Publishing{Body: body}), "publishing")
		}
		for number := uint64(1); number <= messages; number++ {
			confirmation := receive(outcomes, "a confirm")
			same(confirmation, amqp.Confirmation{DeliveryTag: number, Ack: true}, "a confirm")
		}
		remove(channel, queue, 200)

		full := name("full")
		declare(channel, full, amqp.Table{"x-max-length": int32(0), "x-overflow": "reject-publish"})
		must(channel.Publish("", full, false, false, amqp.Publishing{Body: []byte("too much")}), "publishing")
		rejection := amqp.Confirmation{DeliveryTag: messages + 1, Ack: false}
		same(receive(outcomes, "a confirm from the full queue"), rejection, "the confirm from the full queue")
		remove(channel, full, 0)
	})
}

func mandatory() {
	withChannel(func(channel *amqp.Channel, _ *amqp.Connection) {
		must(channel.Confirm(false), "confirm mode")
		queue, nowhere := name("routed"), name("nowhere")
		declare(channel, queue, nil)
		returns := channel.NotifyReturn(make(chan amqp.Return, 2))
		outcomes := channel.NotifyPublish(make(chan amqp.Confirmation, 2))
		message := full([]byte("to nowhere"))
		must(channel.Publish("", nowhere, true, false, message), "publishing")
		same(receive(outcomes, "a confirm"), amqp.Confirmation{DeliveryTag: 1, Ack: true}, "the confirm")
		same(receive(returns, "a return"), amqp.Return{
			ReplyCode:       amqp.NoRoute,
			ReplyText:       "NO_ROUTE",
			RoutingKey:      nowhere,
			ContentType:     message.ContentType,
			ContentEncoding: message.ContentEncoding,
			Headers:         message.Headers,
			DeliveryMode:    message.DeliveryMode,
			Priority:        message.Priority,
			CorrelationId:   message.CorrelationId,
			ReplyTo:         message.ReplyTo,
			Expiration:      message.Expiration,
			MessageId:       message.MessageId,
			Timestamp:       message.Timestamp,
			Type:            message.Type,
			UserId:          message.UserId,
			AppId:           message.AppId,
			Body:            message.Body,
		}, "the return")

		must(channel.Publish("", queue, true, false, message), "publishing")
		same(receive(outcomes, "a confirm"), amqp.Confirmation{DeliveryTag: 2, Ack: true}, "the confirm")
		nothing(returns, "the routed message came back")
		remove(channel, queue, 1)
	})
}

func transactions() {
	withChannel(func(outside *amqp.Channel, connection *amqp.Connection) {
		queue := name("transacted")
		declare(outside, queue, nil)
		channel := transaction(connection)
		sendTexts(channel, queue, "rolled back 1", "rolled back 2")
		empty(outside, queue, "before the rollback")
		must(channel.TxRollback(), "rolling back")
		must(channel.TxCommit(), "committing")
		empty(outside, queue, "after rollback and commit")
		sendTexts(channel, queue, "committed 1", "committed 2")
		empty(outside, queue, "before the commit")
		must(channel.TxCommit(), "committing")
		putBack(outside, queue, "committed 1", false, 1)

		taken(connection, queue, (*amqp.Channel).TxRollback)
		putBack(outside, queue, "committed 1", true, 1)
		taken(connection, queue, (*amqp.Channel).TxCommit)
		putBack(outside, queue, "committed 2", false, 0)
		must(channel.Close(), "closing the channel")
		remove(outside, queue, 1)
	})
}

func transaction(connection *amqp.Connection) *amqp.Channel {
	channel := open(connection)
	must(channel.Tx(), "tx mode")
	return channel
}

// taken gets a message and acknowledges it in a transaction, ends that and closes the channel.
func taken(connection *amqp.Connection, queue string, end func(channel *amqp.Channel) error) {
	channel := transaction(connection)
	message, ok, err := channel.Get(queue, false)
	must(err, "getting from the queue")
	holds(ok, "the queue is empty")
	same(string(message.Body), "committed 1", "the message that is acknowledged")
	must(message.Ack(false), "acknowledging")
	must(end(channel), "ending the transaction")
	must(channel.Close(), "closing the channel")
}

// putBack sees which message is the first of the queue and requeues it.
func putBack(channel *amqp.Channel, queue, body string, redelivered bool, behind uint32) {
	message, ok, err := channel.Get(queue, false)
	must(err, "getting from the queue")
	holds(ok, "%s is missing", body)
	same(string(message.Body), body, "the first message")
	same(message.Redelivered, redelivered, "redelivered")
	same(message.MessageCount, behind, "messages behind it")
	must(message.Nack(false, true), "requeueing")
}
