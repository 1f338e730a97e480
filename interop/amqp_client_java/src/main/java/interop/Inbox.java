package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.Envelope;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A consumer that keeps what it is given until somebody looks. */
final class Inbox extends DefaultConsumer {
    private final BlockingQueue<Delivery> deliveries = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> cancelled = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> cancelOks = new LinkedBlockingQueue<>();

    Inbox(Channel channel) {
        super(channel);
    }

    @Override
    public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
        deliveries.add(new Delivery(envelope, properties, body));
    }

    @Override
    public void handleCancel(String tag) {
        cancelled.add(tag);
    }

    @Override
    public void handleCancelOk(String tag) {
        cancelOks.add(tag);
    }

    Delivery next() throws InterruptedException {
        return Expect.next(deliveries, "a delivery");
    }

    /** The consumer tag of the broker's cancel. */
    String nextCancelled() throws InterruptedException {
        return Expect.next(cancelled, "the broker's cancel");
    }

    String nextCancelOk() throws InterruptedException {
        return Expect.next(cancelOks, "cancel-ok");
    }

    int waiting() {
        return deliveries.size();
    }
}
