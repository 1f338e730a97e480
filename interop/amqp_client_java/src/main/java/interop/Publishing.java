package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Return;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** What a publisher learns about its messages: confirms, returns, transactions. */
final class Publishing {
    private record Confirm(boolean ack, long tag, boolean multiple) {}

    private Publishing() {}

    private static BlockingQueue<Object> listen(Channel channel) throws Exception {
        BlockingQueue<Object> events = new LinkedBlockingQueue<>();
        channel.addConfirmListener(
            (tag, multiple) -> events.add(new Confirm(true, tag, multiple)),
            (tag, multiple) -> events.add(new Confirm(false, tag, multiple)));
        channel.addReturnListener(returned -> events.add(returned));
        channel.confirmSelect();
        return events;
    }

    static void confirms(Broker broker) throws Exception {
        Channel channel = broker.channel();
        String queue = broker.name("confirmed");
        channel.queueDeclare(queue, false, false, false, null);
        BlockingQueue<Object> events = listen(channel);
        TreeSet<Long> open = new TreeSet<>();
        for (int i = 0; i < 200; i++) {
            open.add(channel.getNextPublishSeqNo());
            channel.basicPublish("", queue, null, ("message " + i).getBytes(StandardCharsets.UTF_8));
        }
        while (!open.isEmpty()) {
            Confirm confirm = confirm(events);
            Expect.that(confirm.ack(), confirm + " is an ack");
            Expect.that(open.contains(confirm.tag()), confirm + " is about an open message: " + open);
            if (confirm.multiple()) {
                open.headSet(confirm.tag(), true).clear();
            } else {
                open.remove(confirm.tag());
            }
        }
        Expect.equal(200, channel.queueDelete(queue).getMessageCount(), "messages that arrived");

        String full = broker.name("full");
        channel.queueDeclare(full, false, false, false, Map.of("x-max-length", 0, "x-overflow", "reject-publish"));
        long tag = channel.getNextPublishSeqNo();
        channel.basicPublish("", full, null, "too many".getBytes(StandardCharsets.UTF_8));
        Confirm refused = confirm(events);
        Expect.that(!refused.ack(), refused + " is a nack");
        Expect.equal(tag, refused.tag(), "the tag of the refused message");
        Expect.equal(0, channel.queueDelete(full).getMessageCount(), "messages in the full queue");
    }

    private static Confirm confirm(BlockingQueue<Object> events) throws Exception {
        Object event = Expect.next(events, "a confirm");
        if (event instanceof Confirm confirm) {
            return confirm;
        }
        throw new AssertionError("expected a confirm, a message was returned");
    }

    static void mandatory(Broker broker) throws Exception {
        Channel channel = broker.channel();
        String queue = broker.name("routed");
        String nowhere = broker.name("nowhere");
        channel.queueDeclare(queue, false, false, false, null);
        BlockingQueue<Object> events = listen(channel);
        AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder()
            .contentType("text/plain").messageId("lost").deliveryMode(1).headers(Map.of("n", 7)).build();
        byte[] body = "nobody wants it".getBytes(StandardCharsets.UTF_8);

        channel.basicPublish("", nowhere, true, properties, body);
        if (!(Expect.next(events, "the return") instanceof Return returned)) {
            throw new AssertionError("the confirm came before the return");
        }
        Expect.equal(312, returned.getReplyCode(), "reply code");
        Expect.equal("NO_ROUTE", returned.getReplyText(), "reply text");
        Expect.equal("", returned.getExchange(), "exchange");
        Expect.equal(nowhere, returned.getRoutingKey(), "routing key");
        Expect.equal(properties, returned.getProperties(), "properties");
        Expect.equal(body, returned.getBody(), "body");
        Expect.equal(new Confirm(true, 1, false), confirm(events), "the confirm of the returned message");

        channel.basicPublish("", queue, true, properties, body);
        Expect.equal(new Confirm(true, 2, false), confirm(events), "the confirm of the routed message");
        Expect.equal(1, channel.queueDelete(queue).getMessageCount(), "messages that arrived");
        Expect.that(events.isEmpty(), "nothing else came back: " + events);
    }

    static void transactions(Broker broker) throws Exception {
        Connection connection = broker.connect();
        Channel other = connection.createChannel();
        String queue = broker.name("tx");
        other.queueDeclare(queue, false, false, false, null);
        Channel channel = connection.createChannel();
        channel.txSelect();
        two(channel, queue);
        Expect.equal(null, other.basicGet(queue, true), "what is there before the commit");
        channel.txRollback();
        channel.txCommit();
        Expect.equal(null, channel.basicGet(queue, true), "what is there after the rollback");
        two(channel, queue);
        channel.txCommit();

        acknowledged(channel, queue, false);
        channel.txRollback();
        channel.close();
        channel = connection.createChannel();
        channel.txSelect();
        acknowledged(channel, queue, true);
        channel.txCommit();
        channel.close();
        GetResponse second = other.basicGet(queue, true);
        Expect.that(second != null, "the second message is there");
        Expect.equal("second", new String(second.getBody(), StandardCharsets.UTF_8), "body");
        Expect.equal(false, second.getEnvelope().isRedeliver(), "redelivered");
        Expect.equal(0, second.getMessageCount(), "messages left");
        other.queueDelete(queue);
    }

    /** Get the first of the two, and acknowledge it. */
    private static void acknowledged(Channel channel, String queue, boolean redelivered) throws Exception {
        GetResponse first = channel.basicGet(queue, false);
        Expect.that(first != null, "the first message is there");
        Expect.equal("first", new String(first.getBody(), StandardCharsets.UTF_8), "body");
        Expect.equal(1, first.getMessageCount(), "messages left");
        Expect.equal(redelivered, first.getEnvelope().isRedeliver(), "redelivered");
        channel.basicAck(first.getEnvelope().getDeliveryTag(), false);
    }

    private static void two(Channel channel, String queue) throws Exception {
        for (String body : new String[] {"first", "second"}) {
            channel.basicPublish("", queue, MessageProperties.BASIC, body.getBytes(StandardCharsets.UTF_8));
        }
    }
}
