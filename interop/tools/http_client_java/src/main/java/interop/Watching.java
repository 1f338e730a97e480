package interop;

import static interop.Driver.PREFIX;
import static interop.Driver.check;
import static interop.Driver.eventually;
import static interop.Driver.name;
import static interop.Driver.one;
import static interop.Driver.same;

import com.rabbitmq.http.client.Client;
import com.rabbitmq.http.client.domain.ChannelInfo;
import com.rabbitmq.http.client.domain.ConnectionInfo;
import com.rabbitmq.http.client.domain.ConsumerDetails;
import com.rabbitmq.http.client.domain.QueueInfo;
import com.rabbitmq.http.client.domain.QueueTotals;
import java.util.List;

/** Clients and their queues, and whether the broker is well. */
final class Watching {

  private Watching() {}

  private static List<ConnectionInfo> own(Client client) {
    return client.getConnections().stream()
        .filter(each -> each.getClientProperties() != null)
        .filter(each -> PREFIX.equals(each.getClientProperties().getConnectionName()))
        .toList();
  }

  static void connections(Client client) {
    eventually("the connection is in the list", () -> own(client).size() == 1 && own(client).get(0).getChannels() == 1);
    ConnectionInfo connection = client.getConnection(own(client).get(0).getName());
    same(connection.getProtocol(), "AMQP 0-9-1");
    same(List.of(connection.getUser(), connection.getVhost(), connection.getState()), List.of("guest", "/", "running"));
    same(connection.getPort(), Driver.AMQP_PORT);
    eventually(
        "its channel is in the list, with its prefetch",
        () -> client.getChannels(connection.getName()).stream().anyMatch(each -> each.getPrefetchCount() == 2));
    ChannelInfo channel = one(client.getChannels(connection.getName()), each -> true);
    same(List.of(channel.getConsumerCount(), channel.getMessagesUnacknowledged()), List.of(1, 2));
    check(channel.usesPublisherConfirms() && !channel.isTransactional(), "the channel");
    eventually(
        "its consumer is in the list",
        () -> client.getConsumers("/").stream().anyMatch(each -> each.getConsumerTag().equals(name("consumer"))));
    ConsumerDetails consumer = one(client.getConsumers(), each -> each.getConsumerTag().equals(name("consumer")));
    same(consumer.getQueueDetails().getName(), name("watched"));
    check(consumer.isAckRequired() && consumer.getPrefetchCount() == 2, "how it consumes");
    client.closeConnection(connection.getName(), "closed by a scenario");
    eventually("the connection is gone", () -> own(client).isEmpty());
  }

  static void statistics(Client client) {
    eventually(
        "the queue has 3 messages ready, 2 unacknowledged and a consumer",
        () -> {
          QueueInfo queue = client.getQueue("/", name("watched"));
          return queue.getMessagesReady() == 3
              && queue.getMessagesUnacknowledged() == 2
              && queue.getTotalMessages() == 5
              && queue.getConsumerCount() == 1;
        });
    eventually(
        "the totals count them",
        () -> {
          QueueTotals totals = client.getOverview().getQueueTotals();
          return totals.getMessages() >= 5 && totals.getMessagesUnacknowledged() >= 2;
        });
  }

  static void health(Client client) {
    check(client.alivenessTest("/"), "the virtual host is alive");
  }
}
