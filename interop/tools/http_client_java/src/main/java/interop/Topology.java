package interop;

import static interop.Driver.check;
import static interop.Driver.eventually;
import static interop.Driver.name;
import static interop.Driver.one;
import static interop.Driver.refused;
import static interop.Driver.same;
import static interop.Driver.withVhost;

import com.rabbitmq.http.client.Client;
import com.rabbitmq.http.client.GetAckMode;
import com.rabbitmq.http.client.GetEncoding;
import com.rabbitmq.http.client.domain.BindingInfo;
import com.rabbitmq.http.client.domain.DeleteQueueParameters;
import com.rabbitmq.http.client.domain.ExchangeInfo;
import com.rabbitmq.http.client.domain.InboundMessage;
import com.rabbitmq.http.client.domain.OutboundMessage;
import com.rabbitmq.http.client.domain.PolicyInfo;
import com.rabbitmq.http.client.domain.QueueInfo;
import com.rabbitmq.http.client.domain.VhostLimits;
import java.util.List;
import java.util.Map;

/** Exchanges, queues, bindings, messages, and what is declared for them: policies, limits. */
final class Topology {

  private Topology() {}

  static void topology(Client client) {
    String topic = name("topic"), fanout = name("fanout"), queue = name("queue"), quorum = name("quorum");
    withVhost(
        client,
        vhost -> {
          client.declareExchange(vhost, topic, new ExchangeInfo("topic", true, false));
          client.declareExchange(vhost, fanout, new ExchangeInfo("fanout", true, false));
          client.declareQueue(vhost, queue, new QueueInfo(true, false, false, Map.of("x-max-length", 5)));
          client.declareQueue(vhost, quorum, new QueueInfo(true, false, false, Map.of("x-queue-type", "quorum")));
          ExchangeInfo exchange = client.getExchange(vhost, topic);
          same(exchange.getType(), "topic");
          check(exchange.isDurable() && !exchange.isAutoDelete() && !exchange.isInternal(), "the exchange");
          same(client.getQueue(vhost, queue).getArguments(), Map.of("x-max-length", 5));
          same(one(client.getQueues(vhost), each -> each.getName().equals(quorum)).getType(), "quorum");
          client.bindQueue(vhost, queue, topic, "a.#");
          client.bindQueue(vhost, queue, topic, "", Map.of("x", 1));
          client.bindExchange(vhost, fanout, topic, "k");
          same(client.getQueueBindings(vhost, queue).size(), 3);
          same(one(client.getExchangeBindingsBetween(vhost, topic, fanout), each -> true).getPropertiesKey(), "k");
          List<BindingInfo> between = client.getQueueBindingsBetween(vhost, topic, queue);
          same(one(between, each -> each.getRoutingKey().equals("a.#")).getPropertiesKey(), "a.%23");
          same(one(between, each -> each.getRoutingKey().isEmpty()).getArguments(), Map.of("x", 1));
          client.unbindQueue(vhost, queue, topic, "a.#");
          same(client.getQueueBindingsBetween(vhost, topic, queue).size(), 1);
          QueueInfo other = new QueueInfo(true, false, false, Map.of("x-max-length", 6));
          refused(400, () -> client.declareQueue(vhost, queue, other));
          client.deleteQueue(vhost, queue, new DeleteQueueParameters(true, true));
          check(client.getQueue(vhost, queue) == null, "the queue is gone");
          client.deleteExchange(vhost, topic);
          check(client.getExchange(vhost, topic) == null, "the exchange is gone");
        });
  }

  static void messages(Client client) {
    String queue = name("queue");
    withVhost(
        client,
        vhost -> {
          client.declareQueue(vhost, queue, new QueueInfo(true, false, false));
          Map<String, Object> properties = Map.of("content_type", "text/plain", "headers", Map.of("a", 1));
          OutboundMessage message = new OutboundMessage().payload("one").utf8Encoded().properties(properties);
          check(client.publish(vhost, "amq.default", queue, message), "routed");
          check(!client.publish(vhost, "amq.default", name("nowhere"), message), "not routed");
          InboundMessage first = get(client, vhost, GetAckMode.NACK_REQUEUE_TRUE).get(0);
          same(first.getPayload(), "one");
          same(first.getRoutingKey(), queue);
          same(first.getProperties(), properties);
          check(!first.isRedelivered() && first.getPayloadBytes() == 3 && first.getMessageCount() == 0, "as it was");
          check(get(client, vhost, GetAckMode.ACK_REQUEUE_FALSE).get(0).isRedelivered(), "redelivered");
          client.publish(vhost, "amq.default", queue, message);
          client.purgeQueue(vhost, queue);
          check(get(client, vhost, GetAckMode.ACK_REQUEUE_FALSE).isEmpty(), "purged");
        });
  }

  private static List<InboundMessage> get(Client client, String vhost, GetAckMode mode) {
    return client.get(vhost, name("queue"), 1, mode, GetEncoding.AUTO);
  }

  static void policies(Client client) {
    String queue = name("queue"), policy = name("p");
    withVhost(
        client,
        vhost -> {
          client.declareQueue(vhost, queue, new QueueInfo(true, false, false));
          PolicyInfo wanted = new PolicyInfo("^" + Driver.PREFIX, 7, "queues", Map.of("max-length", 3));
          client.declarePolicy(vhost, policy, wanted);
          PolicyInfo shown = one(client.getPolicies(vhost), each -> each.getName().equals(policy));
          same(List.of(shown.getPriority(), shown.getApplyTo()), List.of(7, "queues"));
          same(shown.getDefinition(), Map.of("max-length", 3));
          eventually("the queue shows its policy", () -> policy.equals(client.getQueue(vhost, queue).getPolicy()));
          client.declareOperatorPolicy(vhost, policy, wanted);
          same(client.getOperatorPolicies(vhost).size(), 1);
          client.deleteOperatorPolicy(vhost, policy);
          PolicyInfo unknown = new PolicyInfo("a", 7, "queues", Map.of("no-such-key", 3));
          refused(400, () -> client.declarePolicy(vhost, "wrong", unknown));
          client.deletePolicy(vhost, policy);
          check(client.getPolicies(vhost).isEmpty(), "no policies");
        });
  }

  static void limits(Client client) {
    withVhost(
        client,
        vhost -> {
          client.limitMaxNumberOfQueues(vhost, 1);
          client.limitMaxNumberOfConnections(vhost, 9);
          VhostLimits limits = client.getVhostLimits(vhost);
          same(List.of(limits.getMaxQueues(), limits.getMaxConnections()), List.of(1, 9));
          client.declareQueue(vhost, name("first"), new QueueInfo(true, false, false));
          QueueInfo second = new QueueInfo(true, false, false);
          refused(400, () -> client.declareQueue(vhost, name("second"), second));
          client.clearMaxQueuesLimit(vhost);
          client.clearMaxConnectionsLimit(vhost);
          client.declareQueue(vhost, name("second"), second);
          same(client.getVhostLimits(vhost).getMaxQueues(), -1);
        });
  }
}
