package interop;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.util.ArrayList;
import java.util.List;

/** The broker under test, as the environment names it, and the connections that a scenario has to it. */
final class Broker implements AutoCloseable {
    final String url;
    private final String prefix;
    private final List<Connection> connections = new ArrayList<>();

    private Broker(String url, String prefix) {
        this.url = url;
        this.prefix = prefix;
    }

    static Broker ofEnvironment() {
        return new Broker(variable("AMQP_URL"), variable("INTEROP_PREFIX"));
    }

    static String variable(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalStateException("the environment variable " + name + " is not set");
        }
        return value;
    }

    /** The prefix of the run itself, or a name that starts with it. */
    String name(String... parts) {
        StringBuilder name = new StringBuilder(prefix);
        for (String part : parts) {
            name.append('-').append(part);
        }
        return name.toString();
    }

    /** A factory for AMQP_URL that doesn't recover by itself: a scenario wants to see what happened. */
    ConnectionFactory factory() throws Exception {
        return factory(url);
    }

    ConnectionFactory factory(String address) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(address);
        factory.setAutomaticRecoveryEnabled(false);
        factory.setChannelRpcTimeout(Expect.LIMIT_MS);
        return factory;
    }

    Connection connect() throws Exception {
        return connect(factory());
    }

    Connection connect(ConnectionFactory factory) throws Exception {
        Connection connection = factory.newConnection(name());
        connections.add(connection);
        return connection;
    }

    Channel channel() throws Exception {
        return connect().createChannel();
    }

    @Override
    public void close() {
        connections.forEach(connection -> connection.abort(5_000));
    }
}
