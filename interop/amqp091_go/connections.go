package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func connectOptions() {
	config := amqp.Config{
		Heartbeat:  30 * time.Second,
		FrameSize:  65536,
		ChannelMax: 100,
		Properties: amqp.NewConnectionProperties(),
	}
	config.Properties.SetClientConnectionName(prefix)
	connection, err := amqp.DialConfig(broker, config)
	must(err, "connecting with options")
	same(connection.Config.Heartbeat, config.Heartbeat, "the heartbeat that was negotiated")
	same(connection.Config.FrameSize, config.FrameSize, "the frame size that was negotiated")
	same(connection.Config.ChannelMax, config.ChannelMax, "the channels that were negotiated")
	first, second := open(connection), open(connection)
	queue := name("options")
	declare(first, queue, nil)
	same(look(second, queue), amqp.Queue{Name: queue}, "the queue on the other channel")
	remove(second, queue, 0)
	must(second.Close(), "closing a channel")
	must(first.Close(), "closing the other channel")
	must(connection.Close(), "closing the connection")

	_, err = amqp.Dial(with(func(parts *url.URL) { parts.User = url.UserPassword(parts.User.Username(), "wrong") }))
	holds(errors.Is(err, amqp.ErrCredentials) || codeOf(err) == amqp.AccessRefused, "a wrong password: %#v", err)
	_, err = amqp.DialConfig(broker, amqp.Config{Vhost: name("missing")})
	answeredWith(err, amqp.NotAllowed, "a missing virtual host")
}

func codeOf(err error) int {
	var reply *amqp.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

func heartbeats() {
	connection, err := amqp.DialConfig(broker, amqp.Config{Heartbeat: time.Second})
	must(err, "connecting with a heartbeat")
	same(connection.Config.Heartbeat, time.Second, "the heartbeat that was negotiated")
	channel := open(connection)
	time.Sleep(4 * time.Second)
	declare(channel, name("idle"), nil)
	remove(channel, name("idle"), 0)
	must(connection.Close(), "closing the connection")
}

func reconnect() {
	recovery := &amqp.Recovery{
		ReconnectionConfig: &amqp.ReconnectionConfig{MaxRetryCount: 50, RetryInterval: 20 * time.Millisecond},
	}
	connection, err := amqp.DialConfig(broker, amqp.Config{Recovery: recovery})
	must(err, "connecting")
	states := make(chan *amqp.StateChanged, 10)
	connection.NotifyStateChange(states)
	reports := connection.NotifyClose(make(chan *amqp.Error, 1))
	channel := open(connection)
	queue := name("lasting")
	_, err = channel.QueueDeclare(queue, true, false, false, false, nil)
	must(err, "declaring a durable queue")
	deliveries := consume(channel, queue, "", true)
	sendTexts(channel, queue, "before")
	same(string(receive(deliveries, "a message").Body), "before", "the message before the close")

	ask("close-connections")
	report := receive(reports, "the report of the close")
	answeredWith(report, amqp.ConnectionForced, "the report of the close")
	for state := receive(states, "the new connection"); state.To != amqp.StateOpen; {
		holds(state.To == amqp.StateReconnecting, "the connection's state: %v", state)
		state = receive(states, "the new connection")
	}
	persistent := amqp.Publishing{Body: []byte("after"), DeliveryMode: amqp.Persistent}
	send(channel, "", queue, persistent)
	same(string(receive(deliveries, "a message").Body), "after", "the message after the close")
	remove(channel, queue, 0)
	must(connection.Close(), "closing the connection")
}

func blocked() {
	withChannel(func(channel *amqp.Channel, connection *amqp.Connection) {
		queue := name("blocked")
		declare(channel, queue, nil)
		reports := connection.NotifyBlocked(make(chan amqp.Blocking, 2))
		ask("block")
		sendTexts(channel, queue, "while blocked")
		report := receive(reports, "the report that the connection is blocked")
		same(report, amqp.Blocking{Active: true, Reason: "low on memory"}, "the report")
		ask("unblock")
		report = receive(reports, "the report that the connection is unblocked")
		same(report, amqp.Blocking{}, "the report")
		same(string(take(channel, queue).Body), "while blocked", "the message")
		remove(channel, queue, 0)
	})
}

func overTLS() {
	pem, err := os.ReadFile(authority)
	must(err, "reading the authority")
	roots := x509.NewCertPool()
	holds(roots.AppendCertsFromPEM(pem), "no certificate in %s", authority)
	connection, err := amqp.DialTLS(brokerTLS, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	must(err, "connecting")
	channel := open(connection)
	queue := name("tls")
	declare(channel, queue, nil)
	body := large(3, 100_000)
	send(channel, "", queue, amqp.Publishing{Body: body})
	sameOctets(take(channel, queue).Body, body, "the message")
	remove(channel, queue, 0)
	must(connection.Close(), "closing the connection")

	_, err = amqp.DialTLS(brokerTLS, &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12})
	var unknown x509.UnknownAuthorityError
	holds(errors.As(err, &unknown), "a certificate of an unknown authority: %#v", err)
}
