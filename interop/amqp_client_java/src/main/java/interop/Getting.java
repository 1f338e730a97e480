package interop;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.GetResponse;
import java.nio.charset.StandardCharsets;

/** basic.get. */
final class Getting {
    private Getting() {}

    static void get(Broker broker) throws Exception {
        Connection connection = broker.connect();
        Channel channel = connection.createChannel();
        String queue = broker.name("get");
        channel.queueDeclare(queue, false, false, false, null);
        Expect.equal(null, channel.basicGet(queue, false), "what an empty queue gives");
        for (String body : new String[] {"one", "two", "three"}) {
            channel.basicPublish("", queue, null, body.getBytes(StandardCharsets.UTF_8));
        }
        GetResponse one = expect(channel.basicGet(queue, false), queue, "one", 2, false);
        channel.basicAck(one.getEnvelope().getDeliveryTag(), false);
        expect(channel.basicGet(queue, true), queue, "two", 1, false);
        expect(channel.basicGet(queue, false), queue, "three", 0, false);
        channel.close();

        Channel next = connection.createChannel();
        expect(next.basicGet(queue, true), queue, "three", 0, true);
        Expect.equal(null, next.basicGet(queue, true), "what the empty queue gives");
        next.queueDelete(queue);
    }

    private static GetResponse expect(GetResponse got, String queue, String body, int left, boolean redelivered) {
        Expect.that(got != null, "'" + body + "' is there");
        Expect.equal(body, new String(got.getBody(), StandardCharsets.UTF_8), "body");
        Expect.equal(left, got.getMessageCount(), "messages left after '" + body + "'");
        Expect.equal(redelivered, got.getEnvelope().isRedeliver(), "redelivered of '" + body + "'");
        Expect.equal("", got.getEnvelope().getExchange(), "exchange");
        Expect.equal(queue, got.getEnvelope().getRoutingKey(), "routing key");
        return got;
    }
}
