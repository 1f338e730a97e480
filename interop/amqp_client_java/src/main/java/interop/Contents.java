package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.Map;

/** What a message holds comes as it went: properties and body. */
final class Contents {
    private Contents() {}

    /** Octets that take every value (with 256 or more of them) and repeat in no power of two. */
    static byte[] octets(int size, int step) {
        byte[] octets = new byte[size];
        for (int i = 0; i < size; i++) {
            octets[i] = (byte) (i * step + i / 256);
        }
        return octets;
    }

    static void publishConsume(Broker broker) throws Exception {
        Connection connection = broker.connect();
        Channel channel = connection.createChannel();
        String queue = broker.name("contents");
        AMQP.BasicProperties full = new AMQP.BasicProperties.Builder()
            .contentType("application/octet-stream").contentEncoding("identity")
            .headers(Map.of("kind", "full")).deliveryMode(2).priority(5)
            .correlationId("correlation-1").replyTo("answers").expiration("60000")
            .messageId("message-1").timestamp(new Date(1_700_000_000_000L)).type("test.full")
            .userId("guest").appId("interop").clusterId("cluster").build();
        AMQP.BasicProperties none = new AMQP.BasicProperties();
        AMQP.BasicProperties accented = new AMQP.BasicProperties.Builder().headers(Map.of("clé-日本", "été 🐇")).build();
        byte[] body = octets(1000, 1);
        byte[] text = "żółw, 亀, 🐢".getBytes(StandardCharsets.UTF_8);

        channel.queueDeclare(queue, true, false, false, null);
        channel.basicPublish("", queue, full, body);
        channel.basicPublish("", queue, none, new byte[0]);
        channel.basicPublish("", queue, accented, text);
        Inbox inbox = new Inbox(channel);
        channel.basicConsume(queue, false, inbox);
        compare(full, body, queue, acknowledged(channel, inbox));
        compare(none, new byte[0], queue, acknowledged(channel, inbox));
        compare(accented, text, queue, acknowledged(channel, inbox));
        channel.close(); // whatever was not acknowledged goes back to the queue

        Channel last = connection.createChannel();
        Expect.equal(0, last.queueDelete(queue).getMessageCount(), "messages after the acks");
    }

    private static Delivery acknowledged(Channel channel, Inbox inbox) throws Exception {
        Delivery delivery = inbox.next();
        channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
        return delivery;
    }

    private static void compare(AMQP.BasicProperties sent, byte[] body, String queue, Delivery delivery) {
        Expect.equal("", delivery.getEnvelope().getExchange(), "exchange");
        Expect.equal(queue, delivery.getEnvelope().getRoutingKey(), "routing key");
        Expect.equal(false, delivery.getEnvelope().isRedeliver(), "redelivered");
        Expect.equal(body, delivery.getBody(), "body");
        AMQP.BasicProperties came = delivery.getProperties();
        Expect.equal(sent.getContentType(), came.getContentType(), "content-type");
        Expect.equal(sent.getContentEncoding(), came.getContentEncoding(), "content-encoding");
        HeaderTypes.compare(sent.getHeaders(), came.getHeaders());
        Expect.equal(sent.getDeliveryMode(), came.getDeliveryMode(), "delivery-mode");
        Expect.equal(sent.getPriority(), came.getPriority(), "priority");
        Expect.equal(sent.getCorrelationId(), came.getCorrelationId(), "correlation-id");
        Expect.equal(sent.getReplyTo(), came.getReplyTo(), "reply-to");
        Expect.equal(sent.getExpiration(), came.getExpiration(), "expiration");
        Expect.equal(sent.getMessageId(), came.getMessageId(), "message-id");
        Expect.equal(sent.getTimestamp(), came.getTimestamp(), "timestamp");
        Expect.equal(sent.getType(), came.getType(), "type");
        Expect.equal(sent.getUserId(), came.getUserId(), "user-id");
        Expect.equal(sent.getAppId(), came.getAppId(), "app-id");
        Expect.equal(sent.getClusterId(), came.getClusterId(), "cluster-id");
    }

    static void largeMessage(Broker broker) throws Exception {
        Connection connection = broker.connect();
        Channel channel = connection.createChannel();
        String queue = broker.name("large");
        channel.queueDeclare(queue, false, false, false, null);
        byte[] first = octets(10_485_760, 3);
        byte[] second = octets(10_485_760, 5);
        channel.basicPublish("", queue, new AMQP.BasicProperties(), first);
        channel.basicPublish("", queue, new AMQP.BasicProperties(), second);
        Inbox inbox = new Inbox(channel);
        channel.basicConsume(queue, false, inbox);
        Expect.equal(first, acknowledged(channel, inbox).getBody(), "the first body");
        Expect.equal(second, acknowledged(channel, inbox).getBody(), "the second body");
        channel.queueDelete(queue);
    }
}
