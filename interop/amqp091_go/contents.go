package main

import (
	"encoding/binary"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const text = "Grüße, 世界, здравствуй, 🐇\x00\n"

// moment is beyond 32 bits, so that a cut timestamp shows.
var moment = time.Unix(5_000_000_001, 0)

// everyOctet returns 1000 octets in which every octet value occurs.
func everyOctet() []byte {
	body := make([]byte, 1000)
	for index := range body {
		body[index] = byte(index*7 + index>>8)
	}
	return body
}

// large returns octets in which no two stretches are the same for long; seed makes others.
func large(seed uint32, size int) []byte {
	body := make([]byte, size)
	for offset := 0; offset < size; offset += 4 {
		seed = seed*1_664_525 + 1_013_904_223
		binary.BigEndian.PutUint32(body[offset:], seed)
	}
	return body
}

// full returns a message with every property that the client offers: all but the cluster-id.
func full(body []byte) amqp.Publishing {
	return amqp.Publishing{
		Headers:         amqp.Table{"colour": "red", "size": int32(3), "tall": true},
		ContentType:     "application/octet-stream",
		ContentEncoding: "identity",
		DeliveryMode:    amqp.Persistent,
		Priority:        5,
		CorrelationId:   "correlation-1",
		ReplyTo:         "somewhere.else",
		Expiration:      "60000",
		MessageId:       "message-1",
		Timestamp:       moment,
		Type:            "type-1",
		UserId:          "guest",
		AppId:           "application-1",
		Body:            body,
	}
}

// delivered returns what a consumer gets of a message.
func delivered(message amqp.Publishing, queue, consumer string, tag uint64) amqp.Delivery {
	return amqp.Delivery{
		Headers:         message.Headers,
		ContentType:     message.ContentType,
		ContentEncoding: message.ContentEncoding,
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
		ConsumerTag:     consumer,
		DeliveryTag:     tag,
		RoutingKey:      queue,
	}
}

func publishConsume() {
	withChannel(func(declaring *amqp.Channel, connection *amqp.Connection) {
		queue := name("contents")
		declare(declaring, queue, nil)
		messages := []amqp.Publishing{
			full(everyOctet()),
			{},
			{Headers: amqp.Table{"größe-尺寸": "kein ASCII: ß", "plain": "ç"}, Body: []byte(text)},
		}
		channel := open(connection)
		for _, each := range messages {
			send(channel, "", queue, each)
		}
		deliveries := consume(channel, queue, "reader", false)
		for index, each := range messages {
			message := receive(deliveries, "a delivery")
			must(message.Ack(false), "acknowledging")
			sameOctets(message.Body, each.Body, "the body")
			message.Acknowledger, message.Body = nil, nil
			same(message, delivered(each, queue, "reader", uint64(index+1)), "everything but the body")
		}
		must(channel.Close(), "closing the channel") // what was not acknowledged would come back now
		remove(declaring, queue, 0)
	})
}

func largeMessage() {
	withChannel(func(channel *amqp.Channel, _ *amqp.Connection) {
		queue := name("large")
		declare(channel, queue, nil)
		bodies := [][]byte{large(1, 10_485_760), large(2, 10_485_760)}
		for _, body := range bodies {
			send(channel, "", queue, amqp.Publishing{Body: body})
		}
		deliveries := consume(channel, queue, "", false)
		for _, body := range bodies {
			message := receive(deliveries, "10 MB")
			sameOctets(message.Body, body, "10 MB")
			must(message.Ack(false), "acknowledging")
		}
		remove(channel, queue, 0)
	})
}
