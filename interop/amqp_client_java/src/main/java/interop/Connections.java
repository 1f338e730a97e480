package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;

/** Making a connection: its options, its heartbeats, TLS. */
final class Connections {
    private Connections() {}

    static void connectOptions(Broker broker) throws Exception {
        ConnectionFactory factory = broker.factory();
        factory.setRequestedHeartbeat(30);
        factory.setRequestedFrameMax(65536);
        factory.setRequestedChannelMax(100);
        Connection connection = broker.connect(factory);
        Expect.equal(30, connection.getHeartbeat(), "heartbeat");
        Expect.equal(65536, connection.getFrameMax(), "frame-max");
        Expect.equal(100, connection.getChannelMax(), "channel-max");
        Expect.equal(broker.name(), connection.getClientProvidedName(), "connection name");

        Channel first = connection.createChannel();
        Channel second = connection.createChannel();
        String queue = broker.name("options");
        first.queueDeclare(queue, false, false, false, null);
        Expect.equal(queue, second.queueDeclarePassive(queue).getQueue(), "the queue seen on the other channel");
        second.queueDelete(queue);
        second.close();
        first.close();
        connection.close();
        Expect.that(!connection.isOpen(), "the connection is closed");

        refusals(broker);
    }

    private static void refusals(Broker broker) throws Exception {
        ConnectionFactory wrong = broker.factory();
        wrong.setPassword("wrong");
        try {
            broker.connect(wrong);
            throw new AssertionError("the password 'wrong' was accepted");
        } catch (AuthenticationFailureException refused) {
            Expect.that(refused.getMessage().startsWith("ACCESS_REFUSED"), "refused: " + refused.getMessage());
        }
        ConnectionFactory missing = broker.factory();
        missing.setVirtualHost(broker.name("missing"));
        Expect.closed(530, "NOT_ALLOWED", () -> broker.connect(missing));
    }

    static void heartbeats(Broker broker) throws Exception {
        ConnectionFactory factory = broker.factory();
        factory.setRequestedHeartbeat(1);
        Connection connection = broker.connect(factory);
        Expect.equal(1, connection.getHeartbeat(), "heartbeat");
        Channel channel = connection.createChannel();
        TimeUnit.SECONDS.sleep(4);
        Expect.that(connection.isOpen(), "the connection is open after 4 s without traffic");
        String queue = channel.queueDeclare(broker.name("idle"), false, false, false, null).getQueue();
        channel.queueDelete(queue);
    }

    static void tls(Broker broker) throws Exception {
        ConnectionFactory trusting = broker.factory(Broker.variable("AMQPS_URL"));
        trusting.useSslProtocol(trusting(Path.of(Broker.variable("AMQP_CA_FILE"))));
        trusting.enableHostnameVerification();
        Channel channel = broker.connect(trusting).createChannel();
        String queue = broker.name("tls");
        byte[] body = Contents.octets(100_000, 7);
        channel.queueDeclare(queue, false, false, false, null);
        channel.basicPublish("", queue, new AMQP.BasicProperties(), body);
        GetResponse got = channel.basicGet(queue, true);
        Expect.that(got != null, "the message is there");
        Expect.equal(body, got.getBody(), "the body");
        channel.queueDelete(queue);

        ConnectionFactory doubting = broker.factory(Broker.variable("AMQPS_URL"));
        doubting.useSslProtocol(SSLContext.getDefault());
        doubting.enableHostnameVerification();
        try {
            broker.connect(doubting);
        } catch (SSLHandshakeException refused) {
            Expect.that(refused.getMessage().contains("PKIX path building failed"), "untrusted: " + refused);
            return;
        }
        throw new AssertionError("a certificate of an unknown authority was accepted");
    }

    /** A context that trusts the authorities of the PEM file and nobody else. */
    private static SSLContext trusting(Path authority) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream pem = Files.newInputStream(authority)) {
            int number = 0;
            for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                store.setCertificateEntry("authority-" + number++, certificate);
            }
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }
}
