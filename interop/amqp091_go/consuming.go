package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// got sees what a get without automatic acknowledgement brings.
func got(channel *amqp.Channel, queue, body string, behind uint32, redelivered bool, autoAck bool) amqp.Delivery {
	message, ok, err := channel.Get(queue, autoAck)
	must(err, "getting from "+queue)
	holds(ok, "%s is missing", body)
	same(string(message.Body), body, "the message")
	same(message.MessageCount, behind, "messages behind "+body)
	same(message.Redelivered, redelivered, body+" redelivered")
	same([]string{message.Exchange, message.RoutingKey}, []string{"", queue}, "its exchange and key")
	return message
}

func get() {
	withChannel(func(declaring *amqp.Channel, connection *amqp.Connection) {
		queue := name("got")
		declare(declaring, queue, nil)
		channel := open(connection)
		empty(channel, queue, "at first")
		sendTexts(channel, queue, "first", "second", "third")
		must(got(channel, queue, "first", 2, false, false).Ack(false), "acknowledging")
		got(channel, queue, "second", 1, false, true)
		got(channel, queue, "third", 0, false, false)
		must(channel.Close(), "closing the channel")

		again := open(connection)
		must(got(again, queue, "third", 0, true, false).Ack(false), "acknowledging")
		must(again.Close(), "closing the channel")
		remove(declaring, queue, 0)
	})
}

func requeue() {
	withChannel(func(declaring *amqp.Channel, connection *amqp.Connection) {
		queue, dead := name("requeued"), name("dead")
		declare(declaring, queue, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
		declare(declaring, dead, nil)
		channel := open(connection)
		must(channel.Qos(5, 0, false), "prefetch")
		sendTexts(channel, queue, "1", "2", "3", "4", "5")
		deliveries := consume(channel, queue, "", false)
		var held []amqp.Delivery
		for range 5 {
			held = append(held, receive(deliveries, "a delivery"))
		}
		must(held[0].Reject(false), "rejecting 1")
		must(held[1].Nack(false, false), "nacking 2")
		must(held[3].Nack(false, true), "requeueing 4")
		must(held[4].Ack(false), "acknowledging 5")
		must(held[2].Reject(true), "requeueing 3")
		back := []amqp.Delivery{receive(deliveries, "a redelivery"), receive(deliveries, "a redelivery")}
		bodies := []string{string(back[0].Body), string(back[1].Body)}
		slices.Sort(bodies)
		same(bodies, []string{"3", "4"}, "what comes again")
		holds(back[0].Redelivered && back[1].Redelivered, "not redelivered")
		must(back[1].Ack(true), "acknowledging both")
		must(channel.Close(), "closing the channel")
		remove(declaring, queue, 0)
		seeDead(declaring, dead, queue)
	})
}

// seeDead sees 1 and 2 in the dead-letter queue, as rejected.
func seeDead(channel *amqp.Channel, dead, queue string) {
	deliveries := consume(channel, dead, "", true)
	for _, body := range []string{"1", "2"} {
		message := receive(deliveries, "a dead letter")
		same(string(message.Body), body, "the next dead letter")
		same(message.Headers["x-first-death-queue"], queue, "the queue of its first death")
		same(message.Headers["x-first-death-reason"], "rejected", "the reason of its first death")
		same(message.Headers["x-first-death-exchange"], "", "the exchange of its first death")
		deaths, _ := message.Headers["x-death"].([]any)
		holds(len(deaths) == 1, "deaths of %s: %#v", body, message.Headers["x-death"])
		death, _ := deaths[0].(amqp.Table)
		moment, _ := death["time"].(time.Time)
		holds(time.Since(moment).Abs() < 10*time.Minute, "its time: %#v", death["time"])
		delete(death, "time")
		same(death, amqp.Table{
			"count":        int64(1),
			"reason":       "rejected",
			"queue":        queue,
			"exchange":     "",
			"routing-keys": []any{queue},
		}, "the death of "+body)
	}
	remove(channel, dead, 0)
}

func prefetch() {
	withChannel(func(channel *amqp.Channel, _ *amqp.Connection) {
		queue := name("prefetched")
		declare(channel, queue, nil)
		for number := 1; number <= 10; number++ {
			sendTexts(channel, queue, fmt.Sprint(number))
		}
		must(channel.Qos(3, 0, false), "prefetch")
		deliveries := consume(channel, queue, "", false)
		var held []amqp.Delivery
		for seen := 0; seen < 10; held = held[1:] {
			for ; len(held) < 3 && seen < 10; seen++ {
				held = append(held, receive(deliveries, "a delivery"))
				same(string(held[len(held)-1].Body), fmt.Sprint(seen+1), "the next message")
			}
			// Once the declare is answered, nothing more is on its way.
			same(look(channel, queue).Messages, 10-seen, "messages that are still in the queue")
			nothing(deliveries, "a delivery beyond the prefetch")
			must(held[0].Ack(false), "acknowledging")
		}
		must(held[1].Ack(true), "acknowledging the last two")
		remove(channel, queue, 0)
	})
}

// cancelConsumer has no consumer with a tag of the server's choice: the client always chooses one.
func cancelConsumer() {
	withChannel(func(channel *amqp.Channel, _ *amqp.Connection) {
		must(channel.Confirm(false), "confirm mode")
		queue := name("cancelled")
		declare(channel, queue, nil)
		chosen := consume(channel, queue, "a-tag", true)
		sendTexts(channel, queue, "to the consumer")
		same(receive(chosen, "a delivery").ConsumerTag, "a-tag", "the tag of the delivery")
		must(channel.Cancel("a-tag", false), "cancelling")
		sendTexts(channel, queue, "to nobody")
		same(look(channel, queue), amqp.Queue{Name: queue, Messages: 1}, "the queue after the cancel")
		for late := range chosen { // the client closes it when the cancel is answered
			fail("%q was delivered after the cancel", late.Body)
		}

		cancelled := channel.NotifyCancel(make(chan string, 1))
		deliveries := consume(channel, queue, "", true)
		message := receive(deliveries, "a delivery")
		same(string(message.Body), "to nobody", "the message that stayed")
		withChannel(func(other *amqp.Channel, _ *amqp.Connection) { remove(other, queue, 0) })
		tag := receive(cancelled, "the report that the consumer was cancelled")
		same(tag, message.ConsumerTag, "the tag of the cancelled consumer")
	})
}

func replyTo() {
	const direct = "amq.rabbitmq.reply-to"
	withChannel(func(asking *amqp.Channel, _ *amqp.Connection) {
		withChannel(func(answering *amqp.Channel, _ *amqp.Connection) {
			queue := name("requests")
			declare(answering, queue, nil)
			requests := consume(answering, queue, "", true)
			answers := consume(asking, direct, "", true)
			for number := 1; number <= 10; number++ {
				request := amqp.Publishing{ReplyTo: direct, CorrelationId: fmt.Sprint(number), Body: []byte("request")}
				send(asking, "", queue, request)
			}
			for range 10 {
				request := receive(requests, "a request")
				answer := amqp.Publishing{
					CorrelationId: request.CorrelationId,
					Body:          []byte("answer to " + request.CorrelationId),
				}
				send(answering, "", request.ReplyTo, answer)
			}
			for number := 1; number <= 10; number++ {
				answer := receive(answers, "an answer")
				same(string(answer.Body), fmt.Sprintf("answer to %d", number), "the next answer")
				same(answer.CorrelationId, fmt.Sprint(number), "its correlation-id")
				holds(strings.HasPrefix(answer.RoutingKey, direct+"."), "its key is %q", answer.RoutingKey)
			}
			remove(answering, queue, 0)
		})
	})
}
