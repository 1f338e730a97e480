package main

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

var (
	broker    = os.Getenv("AMQP_URL")
	brokerTLS = os.Getenv("AMQPS_URL")
	authority = os.Getenv("AMQP_CA_FILE")
	prefix    = os.Getenv("INTEROP_PREFIX")
	answers   = bufio.NewReader(os.Stdin)
)

// name returns the name of a queue or exchange that is this run's own.
func name(word string) string { return prefix + "-" + word }

// ask has the runner carry out a request: close-connections, block or unblock.
func ask(request string) {
	fmt.Printf("@ %s\n", request)
	answer, err := answers.ReadString('\n')
	must(err, "the runner's answer to "+request)
	same(strings.TrimSpace(answer), "done", "the runner's answer to "+request)
}

// with returns the broker's URL with another password or virtual host.
func with(change func(parts *url.URL)) string {
	parts, err := url.Parse(broker)
	must(err, "AMQP_URL")
	change(parts)
	return parts.String()
}

func connect() *amqp.Connection {
	connection, err := amqp.Dial(broker)
	must(err, "connecting")
	return connection
}

// withConnection lets use have a connection and closes it afterwards.
func withConnection(use func(connection *amqp.Connection)) {
	connection := connect()
	use(connection)
	must(connection.Close(), "closing the connection")
}

// withChannel lets use have a channel and its connection, and closes both afterwards.
func withChannel(use func(channel *amqp.Channel, connection *amqp.Connection)) {
	withConnection(func(connection *amqp.Connection) {
		channel := open(connection)
		use(channel, connection)
		must(channel.Close(), "closing the channel")
	})
}

func open(connection *amqp.Connection) *amqp.Channel {
	channel, err := connection.Channel()
	must(err, "opening a channel")
	return channel
}

// declare makes a queue that is neither durable nor exclusive.
func declare(channel *amqp.Channel, queue string, arguments amqp.Table) amqp.Queue {
	declared, err := channel.QueueDeclare(queue, false, false, false, false, arguments)
	must(err, "declaring "+queue)
	return declared
}

// look declares a queue passively.
func look(channel *amqp.Channel, queue string) amqp.Queue {
	seen, err := channel.QueueDeclarePassive(queue, false, false, false, false, nil)
	must(err, "looking at "+queue)
	return seen
}

// remove deletes a queue and sees how many messages were in it.
func remove(channel *amqp.Channel, queue string, messages int) {
	count, err := channel.QueueDelete(queue, false, false, false)
	must(err, "deleting "+queue)
	same(count, messages, "messages in "+queue+" when it was deleted")
}

// send publishes a message, waiting for its confirm where the channel is in confirm mode.
func send(channel *amqp.Channel, exchange, key string, message amqp.Publishing) {
	confirm, err := channel.PublishWithDeferredConfirm(exchange, key, false, false, message)
	must(err, "publishing to "+key)
	if confirm != nil {
		receive(closed(confirm.Done()), "the confirm of "+key)
		holds(confirm.Acked(), "the message to %s was rejected", key)
	}
}

// sendTexts publishes texts to a queue.
func sendTexts(channel *amqp.Channel, queue string, texts ...string) {
	for _, text := range texts {
		send(channel, "", queue, amqp.Publishing{Body: []byte(text)})
	}
}

// closed turns the end of a channel into a value.
func closed(done <-chan struct{}) <-chan struct{} {
	ended := make(chan struct{}, 1)
	go func() {
		<-done
		ended <- struct{}{}
	}()
	return ended
}

// take gets a message that must be there, acknowledged by being sent.
func take(channel *amqp.Channel, queue string) amqp.Delivery {
	message, ok, err := channel.Get(queue, true)
	must(err, "getting from "+queue)
	holds(ok, "%s is empty", queue)
	return message
}

// empty sees that a get finds nothing.
func empty(channel *amqp.Channel, queue, when string) {
	message, ok, err := channel.Get(queue, true)
	must(err, "getting from "+queue)
	holds(!ok, "%s: %q is in the queue", when, message.Body)
}

// consume starts a consumer whose deliveries have to be settled unless autoAck.
func consume(channel *amqp.Channel, queue, tag string, autoAck bool) <-chan amqp.Delivery {
	deliveries, err := channel.Consume(queue, tag, autoAck, false, false, false, nil)
	must(err, "consuming from "+queue)
	return deliveries
}

// refused sees that an operation, done on a channel of its own, is answered with code and closes the channel.
func refused(connection *amqp.Connection, code int, what string, operation func(channel *amqp.Channel) error) {
	channel := open(connection)
	reports := channel.NotifyClose(make(chan *amqp.Error, 1))
	answeredWith(operation(channel), code, what)
	same(receive(reports, what+", as the channel's error").Code, code, what+", as the channel's error")
	holds(channel.IsClosed(), "%s: the channel is still open", what)
}

func lookError(queue string) func(channel *amqp.Channel) error {
	return func(channel *amqp.Channel) error {
		_, err := channel.QueueDeclarePassive(queue, false, false, false, false, nil)
		return err
	}
}

func consumeError(queue string) func(channel *amqp.Channel) error {
	return func(channel *amqp.Channel) error {
		_, err := channel.Consume(queue, "", true, false, false, false, nil)
		return err
	}
}
