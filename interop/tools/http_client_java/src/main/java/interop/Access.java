package interop;

import static interop.Driver.check;
import static interop.Driver.eventually;
import static interop.Driver.login;
import static interop.Driver.name;
import static interop.Driver.one;
import static interop.Driver.refused;
import static interop.Driver.same;
import static interop.Driver.withVhost;

import com.rabbitmq.http.client.Client;
import com.rabbitmq.http.client.domain.NodeInfo;
import com.rabbitmq.http.client.domain.OverviewResponse;
import com.rabbitmq.http.client.domain.TopicPermissions;
import com.rabbitmq.http.client.domain.UserPermissions;
import java.util.List;

/** The broker itself, virtual hosts, users and permissions. */
final class Access {

  private Access() {}

  static void overview(Client client) {
    same(client.whoAmI().getName(), "guest");
    same(client.whoAmI().getTags(), List.of("administrator"));
    OverviewResponse shown = client.getOverview();
    check(!shown.getServerVersion().isEmpty() && !shown.getErlangVersion().isEmpty(), "versions");
    same(client.getClusterName().getName(), shown.getClusterName());
    check(shown.getObjectTotals().getExchanges() >= 7 && shown.getExchangeTypes().size() >= 4, "exchanges");
    check(
        shown.getListeners().stream()
            .anyMatch(each -> each.getProtocol().equals("amqp") && each.getPort() == Driver.AMQP_PORT),
        "a listener for AMQP");
    eventually("the node shows what it uses", () -> client.getNode(shown.getNode()).getMemoryUsed() > 0);
    NodeInfo node = one(client.getNodes(), each -> each.getName().equals(shown.getNode()));
    check(node.isRunning() && !node.isMemoryAlarmActive() && !node.isDiskAlarmActive(), "the node runs");
    check(node.getFileDescriptorsTotal() > 0 && node.getDiskFree() > 0 && node.getUptime() > 0, "its numbers");
    check(!client.getExtensions().isEmpty(), "extensions");
    refused(401, () -> login("guest", "wrong").getOverview());
  }

  static void vhosts(Client client) {
    String vhost = Driver.PREFIX + "/v";
    client.createVhost(vhost, "its description", "one", "two");
    same(client.getVhost(vhost).getDescription(), "its description");
    same(client.getVhost(vhost).getTags(), List.of("one", "two"));
    one(client.getVhosts(), each -> each.getName().equals(vhost));
    client.deleteVhost(vhost);
    check(client.getVhosts().stream().noneMatch(each -> each.getName().equals(vhost)), "it is gone");
    check(client.getVhost(vhost) == null, "not found is null");
  }

  static void users(Client client) {
    String user = name("user");
    withVhost(
        client,
        vhost -> {
          client.createUser(user, "secret".toCharArray(), List.of("management", "policymaker"));
          same(client.getUser(user).getTags(), List.of("management", "policymaker"));
          client.updatePermissions(vhost, user, new UserPermissions("^$", ".*", "^" + Driver.PREFIX));
          UserPermissions granted = client.getPermissions(vhost, user);
          same(granted.getConfigure(), "^" + Driver.PREFIX);
          same(granted.getWrite(), ".*");
          same(granted.getRead(), "^$");
          same(login(user, "secret").getVhosts().get(0).getName(), vhost);
          client.updateTopicPermissions(vhost, user, new TopicPermissions("amq.topic", "^a", "^b"));
          TopicPermissions topics = one(client.getTopicPermissionsIn(vhost), each -> each.getUser().equals(user));
          same(List.of(topics.getExchange(), topics.getWrite(), topics.getRead()), List.of("amq.topic", "^b", "^a"));
          client.clearTopicPermissions(vhost, user);
          check(client.getTopicPermissionsIn(vhost).isEmpty(), "no topic permissions");
          refused(400, () -> client.updatePermissions(vhost, user, new UserPermissions(".*", ".*", "(")));
          client.clearPermissions(vhost, user);
          same(client.getPermissionsIn(vhost).size(), 1);
          client.updateUser(user, "secret".toCharArray(), List.of());
          refused(401, () -> login(user, "secret").getVhosts());
          client.deleteUser(user);
          check(client.getUser(user) == null, "the user is gone");
        });
  }
}
