package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.BuiltinExchangeType;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.GetResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Exchanges, queues, bindings. */
final class Topology {
    private static final List<String> KINDS = List.of("direct", "fanout", "topic", "headers");

    private Topology() {}

    static void declareBind(Broker broker) throws Exception {
        Connection connection = broker.connect();
        Channel channel = connection.createChannel();
        String queue = broker.name("bound");
        Map<String, Object> arguments =
            Map.of("x-max-length", 1000, "x-message-ttl", 60000, "x-dead-letter-exchange", "");
        for (String kind : KINDS) {
            channel.exchangeDeclare(broker.name(kind), BuiltinExchangeType.valueOf(kind.toUpperCase()), true);
        }
        channel.queueDeclare(queue, true, false, false, arguments);
        channel.queueBind(queue, broker.name("direct"), "red");
        channel.queueBind(queue, broker.name("fanout"), "");
        channel.queueBind(queue, broker.name("topic"), "a.*.#");
        channel.queueBind(queue, broker.name("headers"), "", Map.of("x-match", "any", "colour", "red", "size", 3));
        channel.exchangeBind(broker.name("fanout"), broker.name("direct"), "through");

        route(broker, channel, queue);
        count(broker, channel, queue);
        channel.queueUnbind(queue, broker.name("direct"), "red");
        publish(channel, broker.name("direct"), "red", null);
        Expect.equal(null, channel.basicGet(queue, true), "what the unbound key brings");

        Expect.closed(406, "PRECONDITION_FAILED - inequivalent arg 'x-max-length'",
            () -> connection.createChannel().queueDeclare(queue, true, false, false,
                Map.of("x-max-length", 5, "x-message-ttl", 60000, "x-dead-letter-exchange", "")));
        Expect.closed(404, "NOT_FOUND - no queue '" + broker.name("missing") + "'",
            () -> connection.createChannel().queueDeclarePassive(broker.name("missing")));

        channel.exchangeUnbind(broker.name("fanout"), broker.name("direct"), "through");
        channel.queueDelete(queue);
        for (String kind : KINDS) {
            channel.exchangeDelete(broker.name(kind));
        }
        Expect.closed(404, "NOT_FOUND - no exchange",
            () -> connection.createChannel().exchangeDeclarePassive(broker.name("direct")));
    }

    /** Of each pair one message arrives; the other one, published before it, is not there when it is. */
    private static void route(Broker broker, Channel channel, String queue) throws Exception {
        missed(channel, queue, broker.name("direct"), "blue", null);
        arrives(channel, queue, broker.name("direct"), "red", null);
        arrives(channel, queue, broker.name("fanout"), "anything", null);
        missed(channel, queue, broker.name("direct"), "Through", null);
        arrives(channel, queue, broker.name("direct"), "through", null);
        missed(channel, queue, broker.name("topic"), "a", null);
        missed(channel, queue, broker.name("topic"), "b.a.c", null);
        arrives(channel, queue, broker.name("topic"), "a.b", null);
        arrives(channel, queue, broker.name("topic"), "a.b.c.d", null);
        missed(channel, queue, broker.name("headers"), "", Map.of("colour", "blue", "size", 4));
        missed(channel, queue, broker.name("headers"), "", null);
        arrives(channel, queue, broker.name("headers"), "", Map.of("colour", "red", "size", 4));
        arrives(channel, queue, broker.name("headers"), "", Map.of("size", 3));
    }

    private static void count(Broker broker, Channel channel, String queue) throws Exception {
        channel.confirmSelect(); // a declare may overtake messages that are not confirmed yet
        for (int sent = 0; sent < 3; sent++) {
            publish(channel, broker.name("direct"), "red", null);
        }
        channel.waitForConfirmsOrDie(Expect.LIMIT_MS);
        AMQP.Queue.DeclareOk seen = channel.queueDeclarePassive(queue);
        Expect.equal(queue, seen.getQueue(), "the queue's name");
        Expect.equal(3, seen.getMessageCount(), "the message count");
        Expect.equal(0, seen.getConsumerCount(), "the consumer count");
        Expect.equal(3, channel.queuePurge(queue).getMessageCount(), "the purged messages");
        Expect.equal(0, channel.queueDeclarePassive(queue).getMessageCount(), "the message count after the purge");
    }

    private static void publish(Channel channel, String exchange, String key, Map<String, Object> headers)
            throws Exception {
        AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().headers(headers).build();
        channel.basicPublish(exchange, key, properties, key.getBytes(StandardCharsets.UTF_8));
    }

    private static void missed(Channel channel, String queue, String exchange, String key, Map<String, Object> headers)
            throws Exception {
        publish(channel, exchange, key, headers);
        Expect.equal(null, channel.basicGet(queue, true), "what '" + key + "' to " + exchange + " brings");
    }

    private static void arrives(Channel channel, String queue, String exchange, String key, Map<String, Object> headers)
            throws Exception {
        publish(channel, exchange, key, headers);
        GetResponse got = channel.basicGet(queue, true);
        Expect.that(got != null, "'" + key + "' to " + exchange + " arrives");
        Expect.equal(exchange, got.getEnvelope().getExchange(), "exchange");
        Expect.equal(key, got.getEnvelope().getRoutingKey(), "routing key");
        Expect.equal(0, got.getMessageCount(), "messages left");
        Expect.equal(key, new String(got.getBody(), StandardCharsets.UTF_8), "body");
    }

    static void exclusive(Broker broker) throws Exception {
        Connection owner = broker.connect();
        Channel channel = owner.createChannel();
        String queue = channel.queueDeclare("", false, true, false, null).getQueue();
        Expect.that(queue.startsWith("amq.gen-"), "'" + queue + "' starts with amq.gen-");
        Inbox inbox = new Inbox(channel);
        channel.basicConsume(queue, true, inbox);
        publish(channel, "", queue, null);
        Expect.equal(queue, new String(inbox.next().getBody(), StandardCharsets.UTF_8), "body");

        Connection other = broker.connect();
        String locked = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue";
        Expect.closed(405, locked, () -> other.createChannel().queueDeclarePassive(queue));
        Channel consuming = other.createChannel();
        Expect.closed(405, locked, () -> consuming.basicConsume(queue, new Inbox(consuming)));
        Expect.closed(405, locked, () -> other.createChannel().basicGet(queue, true));
        String named = broker.name("exclusive");
        channel.queueDeclare(named, false, true, false, null);
        Expect.closed(405, locked, () -> other.createChannel().queueDeclare(named, false, true, false, null));
        owner.close();
        Expect.closed(404, "NOT_FOUND - no queue", () -> other.createChannel().queueDeclarePassive(queue));

        Channel alone = other.createChannel();
        String shared = broker.name("shared");
        alone.queueDeclare(shared, false, false, false, null);
        alone.basicConsume(shared, true, "", false, true, null, new Inbox(alone));
        Channel second = other.createChannel();
        Expect.closed(403, "ACCESS_REFUSED - queue", () -> second.basicConsume(shared, new Inbox(second)));
        alone.queueDelete(shared);
    }
}
