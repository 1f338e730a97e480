package interop;

import java.util.Map;

/** {@code Driver SCENARIO}: exits with 0 when everything that the scenario asks for was seen. */
public final class Driver {
    /** One scenario: returns when all of it was seen, throws otherwise. */
    interface Scenario {
        void play(Broker broker) throws Exception;
    }

    private static final Map<String, Scenario> SCENARIOS = Map.ofEntries(
        Map.entry("connect-options", Connections::connectOptions),
        Map.entry("declare-bind", Topology::declareBind),
        Map.entry("publish-consume", Contents::publishConsume),
        Map.entry("header-types", HeaderTypes::headerTypes),
        Map.entry("confirms", Publishing::confirms),
        Map.entry("mandatory", Publishing::mandatory),
        Map.entry("get", Getting::get),
        Map.entry("requeue", Consuming::requeue),
        Map.entry("prefetch", Consuming::prefetch),
        Map.entry("transactions", Publishing::transactions),
        Map.entry("exclusive", Topology::exclusive),
        Map.entry("cancel", Consuming::cancel),
        Map.entry("reply-to", Consuming::replyTo),
        Map.entry("large-message", Contents::largeMessage),
        Map.entry("heartbeats", Connections::heartbeats),
        Map.entry("reconnect", Failures::reconnect),
        Map.entry("blocked", Failures::blocked),
        Map.entry("tls", Connections::tls));

    private Driver() {}

    public static void main(String[] arguments) {
        Scenario scenario = arguments.length == 1 ? SCENARIOS.get(arguments[0]) : null;
        if (scenario == null) {
            System.err.println("usage: Driver SCENARIO, one of " + SCENARIOS.keySet());
            System.exit(2);
        }
        try (Broker broker = Broker.ofEnvironment()) {
            scenario.play(broker);
        } catch (Exception | AssertionError failure) {
            failure.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }
}
