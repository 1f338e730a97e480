package interop;

import com.rabbitmq.http.client.Client;
import com.rabbitmq.http.client.ClientParameters;
import com.rabbitmq.http.client.HttpClientException;
import com.rabbitmq.http.client.domain.UserPermissions;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** Every scenario of tools: {@code Driver SCENARIO} ends with 0, or with 1 and the reason. */
final class Driver {

  /** How long anything that a scenario waits for may take; only a failing one waits that long. */
  private static final Duration DEADLINE = Duration.ofSeconds(20);

  private static final long PAUSE = 100;

  static final String PREFIX = System.getenv("INTEROP_PREFIX");
  static final int AMQP_PORT = URI.create(System.getenv("AMQP_URL")).getPort();

  private static final Map<String, Consumer<Client>> SCENARIOS =
      Map.of(
          "overview", Access::overview,
          "vhosts", Access::vhosts,
          "users", Access::users,
          "topology", Topology::topology,
          "messages", Topology::messages,
          "policies", Topology::policies,
          "limits", Topology::limits,
          "connections", Watching::connections,
          "statistics", Watching::statistics,
          "health", Watching::health);

  private Driver() {}

  public static void main(String[] arguments) {
    try {
      SCENARIOS.get(arguments[0]).accept(login("guest", "guest"));
      System.exit(0);
    } catch (Exception | AssertionError reason) {
      reason.printStackTrace();
      System.exit(1);
    }
  }

  static Client login(String user, String password) {
    try {
      String url = System.getenv("MANAGEMENT_URL") + "/api/";
      return new Client(new ClientParameters().url(url).username(user).password(password));
    } catch (java.net.MalformedURLException | java.net.URISyntaxException wrong) {
      throw new IllegalStateException(wrong);
    }
  }

  static String name(String word) {
    return PREFIX + "-" + word;
  }

  /** Have a virtual host of the run's own while the function runs. */
  static void withVhost(Client client, Consumer<String> use) {
    String vhost = name("vhost");
    client.createVhost(vhost);
    try {
      client.updatePermissions(vhost, "guest", UserPermissions.FULL);
      use.accept(vhost);
    } finally {
      client.deleteVhost(vhost);
    }
  }

  static void same(Object value, Object expected) {
    if (!Objects.equals(value, expected)) {
      throw new AssertionError("expected " + expected + ", got " + value);
    }
  }

  static void check(boolean fact, String what) {
    if (!fact) {
      throw new AssertionError("not so: " + what);
    }
  }

  /** Expect the client to report this status. */
  static void refused(int status, Runnable call) {
    try {
      call.run();
    } catch (HttpClientException refusal) {
      same(refusal.status(), status);
      return;
    }
    throw new AssertionError("no error where a status " + status + " was expected");
  }

  static <T> T one(List<T> items, Predicate<T> chosen) {
    List<T> found = items.stream().filter(chosen).toList();
    check(found.size() == 1, "one of " + items);
    return found.get(0);
  }

  /** Wait until it is so: RabbitMQ shows statistics when it has collected them. */
  static void eventually(String what, BooleanSupplier look) {
    Instant end = Instant.now().plus(DEADLINE);
    while (!look.getAsBoolean()) {
      check(Instant.now().isBefore(end), what);
      try {
        Thread.sleep(PAUSE);
      } catch (InterruptedException interruption) {
        throw new IllegalStateException(interruption);
      }
    }
  }
}
