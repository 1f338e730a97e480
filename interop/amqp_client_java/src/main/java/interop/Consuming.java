package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.GetResponse;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Consumers: settling, prefetch, cancel, direct reply-to. */
final class Consuming {
    private Consuming() {}

    private static String text(Delivery delivery) {
        return new String(delivery.getBody(), StandardCharsets.UTF_8);
    }

    private static void publish(Channel channel, String queue, int first, int last) throws Exception {
        for (int number = first; number <= last; number++) {
            channel.basicPublish("", queue, null, Integer.toString(number).getBytes(StandardCharsets.UTF_8));
        }
    }

    static void requeue(Broker broker) throws Exception {
        Connection connection = broker.connect();
        Channel channel = connection.createChannel();
        String queue = broker.name("work");
        String dead = broker.name("dead");
        channel.queueDeclare(dead, false, false, false, null);
        channel.queueDeclare(queue, false, false, false,
            Map.of("x-dead-letter-exchange", "", "x-dead-letter-routing-key", dead));
        publish(channel, queue, 1, 5);
        channel.basicQos(5);
        Inbox inbox = new Inbox(channel);
        channel.basicConsume(queue, false, inbox);
        long[] tags = new long[6];
        for (int number = 1; number <= 5; number++) {
            Delivery delivery = inbox.next();
            Expect.equal(Integer.toString(number), text(delivery), "body");
            Expect.equal(false, delivery.getEnvelope().isRedeliver(), "redelivered");
            tags[number] = delivery.getEnvelope().getDeliveryTag();
        }
        channel.basicReject(tags[1], false);
        channel.basicNack(tags[2], false, false);
        channel.basicNack(tags[4], false, true);
        channel.basicAck(tags[5], false);
        channel.basicReject(tags[3], true);
        Map<String, Delivery> again = new TreeMap<>();
        for (int i = 0; i < 2; i++) {
            Delivery delivery = inbox.next();
            Expect.equal(true, delivery.getEnvelope().isRedeliver(), "redelivered");
            again.put(text(delivery), delivery);
            if (i == 1) {
                channel.basicAck(delivery.getEnvelope().getDeliveryTag(), true);
            }
        }
        Expect.equal(Set.of("3", "4"), again.keySet(), "what came again");
        channel.close();

        Channel last = connection.createChannel();
        Expect.equal(0, last.queueDelete(queue).getMessageCount(), "messages in the queue");
        died(last.basicGet(dead, true), "1", queue);
        died(last.basicGet(dead, true), "2", queue);
        Expect.equal(0, last.queueDelete(dead).getMessageCount(), "further dead messages");
    }

    private static void died(GetResponse got, String body, String queue) {
        Expect.that(got != null, "message " + body + " is dead-lettered");
        Expect.equal(body, new String(got.getBody(), StandardCharsets.UTF_8), "body");
        Map<String, Object> headers = got.getProps().getHeaders();
        Expect.that(headers != null && headers.get("x-death") instanceof List<?>, "x-death is an array: " + headers);
        List<?> deaths = (List<?>) headers.get("x-death");
        Expect.equal(1, deaths.size(), "entries of x-death");
        Map<String, Object> death = new HashMap<>();
        ((Map<?, ?>) deaths.get(0)).forEach((key, value) -> death.put((String) key, value));
        Object time = death.remove("time");
        Expect.that(time instanceof Date, "the time of death is a timestamp: " + time);
        long age = System.currentTimeMillis() - ((Date) time).getTime();
        Expect.that(age > -5_000 && age < 600_000, "it died now: " + time);
        HeaderTypes.compare(
            Map.of("count", 1L, "reason", "rejected", "queue", queue, "exchange", "", "routing-keys", List.of(queue)),
            death);
        Expect.equal("rejected", String.valueOf(headers.get("x-first-death-reason")), "x-first-death-reason");
        Expect.equal(queue, String.valueOf(headers.get("x-first-death-queue")), "x-first-death-queue");
        Expect.equal("", String.valueOf(headers.get("x-first-death-exchange")), "x-first-death-exchange");
    }

    static void prefetch(Broker broker) throws Exception {
        Channel channel = broker.channel();
        String queue = broker.name("prefetch");
        channel.queueDeclare(queue, false, false, false, null);
        publish(channel, queue, 1, 10);
        channel.basicQos(3);
        Inbox inbox = new Inbox(channel);
        channel.basicConsume(queue, false, inbox);
        for (int number = 1; number <= 3; number++) {
            Expect.equal(Integer.toString(number), text(inbox.next()), "body");
        }
        for (int settled = 1; settled <= 10; settled++) {
            channel.queueDeclarePassive(queue); // all that was sent before the answer has been dispatched
            Expect.equal(0, inbox.waiting(), "deliveries beyond the prefetch");
            channel.basicAck(settled, false);
            if (settled <= 7) {
                Expect.equal(Integer.toString(settled + 3), text(inbox.next()), "body");
            }
        }
        Expect.equal(0, channel.queueDeclarePassive(queue).getMessageCount(), "messages left");
        Expect.equal(0, inbox.waiting(), "further deliveries");
        channel.queueDelete(queue);
    }

    static void cancel(Broker broker) throws Exception {
        Channel channel = broker.channel();
        Channel other = broker.channel();
        String queue = broker.name("cancel");
        String tag = broker.name("tag");
        channel.queueDeclare(queue, false, false, false, null);
        channel.confirmSelect();
        Inbox first = new Inbox(channel);
        Expect.equal(tag, channel.basicConsume(queue, true, tag, first), "consumer tag");
        publish(channel, queue, 1, 1);
        Expect.equal("1", text(first.next()), "body");
        channel.basicCancel(tag);
        Expect.equal(tag, first.nextCancelOk(), "the cancelled tag");
        publish(channel, queue, 2, 2);
        channel.waitForConfirmsOrDie(Expect.LIMIT_MS); // a declare may overtake what is not confirmed yet
        Expect.equal(1, channel.queueDeclarePassive(queue).getMessageCount(), "messages after the cancel");
        Expect.equal(0, first.waiting(), "deliveries after the cancel");

        Inbox second = new Inbox(channel);
        String chosen = channel.basicConsume(queue, true, second);
        Expect.that(chosen.startsWith("amq.ctag-"), "the broker's tag '" + chosen + "' starts with amq.ctag-");
        Expect.equal("2", text(second.next()), "body");
        other.queueDelete(queue);
        Expect.equal(chosen, second.nextCancelled(), "the tag of the broker's cancel");
        Expect.that(channel.isOpen(), "the channel is still open");
    }

    static void replyTo(Broker broker) throws Exception {
        Channel requester = broker.channel();
        Channel responder = broker.channel();
        String requests = broker.name("requests");
        responder.queueDeclare(requests, false, false, false, null);
        Inbox inbox = new Inbox(responder);
        responder.basicConsume(requests, true, inbox);
        Inbox answers = new Inbox(requester);
        requester.basicConsume("amq.rabbitmq.reply-to", true, answers);
        for (int number = 1; number <= 10; number++) {
            AMQP.BasicProperties request = new AMQP.BasicProperties.Builder()
                .replyTo("amq.rabbitmq.reply-to").correlationId("request-" + number).build();
            requester.basicPublish("", requests, request, Integer.toString(number).getBytes(StandardCharsets.UTF_8));
        }
        for (int number = 1; number <= 10; number++) {
            Delivery request = inbox.next();
            String address = request.getProperties().getReplyTo();
            Expect.that(address.startsWith("amq.rabbitmq.reply-to."), "'" + address + "' is the requester's own");
            AMQP.BasicProperties answer = new AMQP.BasicProperties.Builder()
                .correlationId(request.getProperties().getCorrelationId()).build();
            responder.basicPublish("", address, answer, ("answer " + text(request)).getBytes(StandardCharsets.UTF_8));
        }
        for (int number = 1; number <= 10; number++) {
            Delivery answer = answers.next();
            Expect.equal("answer " + number, text(answer), "body");
            Expect.equal("request-" + number, answer.getProperties().getCorrelationId(), "correlation-id");
        }
        responder.queueDelete(requests);
    }
}
