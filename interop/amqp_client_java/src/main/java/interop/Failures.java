package interop;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.ShutdownSignalException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** What the broker does to a client: closing its connection, blocking it. */
final class Failures {
    private Failures() {}

    static void reconnect(Broker broker) throws Exception {
        ConnectionFactory factory = broker.factory();
        factory.setAutomaticRecoveryEnabled(true);
        factory.setTopologyRecoveryEnabled(true);
        factory.setNetworkRecoveryInterval(100);
        Connection connection = broker.connect(factory);
        BlockingQueue<ShutdownSignalException> shutdowns = new LinkedBlockingQueue<>();
        BlockingQueue<Boolean> recoveries = new LinkedBlockingQueue<>();
        connection.addShutdownListener(shutdowns::add);
        ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
            @Override
            public void handleRecovery(Recoverable recoverable) {
                recoveries.add(true);
            }

            @Override
            public void handleRecoveryStarted(Recoverable recoverable) {}
        });
        Channel channel = connection.createChannel();
        String queue = broker.name("durable");
        channel.queueDeclare(queue, true, false, false, null);
        Inbox inbox = new Inbox(channel);
        channel.basicConsume(queue, true, inbox);
        channel.basicPublish("", queue, null, "before".getBytes(StandardCharsets.UTF_8));
        Expect.equal("before", new String(inbox.next().getBody(), StandardCharsets.UTF_8), "body");

        Ask.runner("close-connections");
        Expect.closedWith(320, "CONNECTION_FORCED", Expect.next(shutdowns, "the report of the close"));
        Expect.next(recoveries, "the recovery");
        channel.basicPublish("", queue, null, "after".getBytes(StandardCharsets.UTF_8));
        Expect.equal("after", new String(inbox.next().getBody(), StandardCharsets.UTF_8), "body");
        channel.queueDelete(queue);
    }

    static void blocked(Broker broker) throws Exception {
        Connection connection = broker.connect();
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        connection.addBlockedListener(reason -> events.add("blocked: " + reason), () -> events.add("unblocked"));
        Channel channel = connection.createChannel();
        String queue = broker.name("blocked");
        channel.queueDeclare(queue, false, false, false, null);
        Ask.runner("block");
        channel.basicPublish("", queue, null, "patience".getBytes(StandardCharsets.UTF_8));
        Expect.equal("blocked: low on memory", Expect.next(events, "connection.blocked"), "the report");
        Ask.runner("unblock");
        Expect.equal("unblocked", Expect.next(events, "connection.unblocked"), "the report");
        GetResponse got = channel.basicGet(queue, true);
        Expect.that(got != null, "the message is in the queue");
        Expect.equal("patience", new String(got.getBody(), StandardCharsets.UTF_8), "body");
        channel.queueDelete(queue);
    }
}
