package interop;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Values of header tables: what this client writes, and what it reads of types that it doesn't write. */
final class HeaderTypes {
    private HeaderTypes() {}

    static void headerTypes(Broker broker) throws Exception {
        Channel channel = broker.channel();
        String queue = broker.name("types");
        Map<String, Object> sent = every();
        channel.queueDeclare(queue, false, false, false, null);
        channel.basicPublish("", queue, new AMQP.BasicProperties.Builder().headers(sent).build(), new byte[0]);
        Inbox inbox = new Inbox(channel);
        channel.basicConsume(queue, true, inbox);
        compare(sent, inbox.next().getProperties().getHeaders());
        channel.queueDelete(queue);

        GetResponse got = channel.basicGet(broker.name("headers"), true);
        Expect.that(got != null, "the runner's message is there");
        Expect.equal("every type", new String(got.getBody(), StandardCharsets.UTF_8), "body");
        compare(waiting(), got.getProps().getHeaders());
    }

    /** The message of interop/headers.toml as this client reads it: an unsigned integer takes the next wider type. */
    private static Map<String, Object> waiting() {
        Map<String, Object> headers = new LinkedHashMap<>();
        headers.put("boolean-true", true);
        headers.put("boolean-false", false);
        headers.put("int8-min", (byte) -128);
        headers.put("int8-max", (byte) 127);
        headers.put("uint8-min", 0);
        headers.put("uint8-max", 255);
        headers.put("int16-min", (short) -32768);
        headers.put("int16-max", (short) 32767);
        headers.put("uint16-min", 0);
        headers.put("uint16-max", 65535);
        headers.put("int32-min", -2147483648);
        headers.put("int32-max", 2147483647);
        headers.put("uint32-min", 0L);
        headers.put("uint32-max", 4294967295L);
        headers.put("int64-min", -9223372036854775808L);
        headers.put("int64-max", 9223372036854775807L);
        headers.put("float", 1.5f);
        headers.put("float-negative", -0.0625f);
        headers.put("double", 3.141592653589793);
        headers.put("double-large", -1.0e300);
        headers.put("decimal", new BigDecimal("314.16"));
        headers.put("decimal-whole", new BigDecimal("-1")); // 4294967295: this client reads digits as signed
        headers.put("timestamp", new Date(1_700_000_000_000L));
        headers.put("timestamp-zero", new Date(0));
        headers.put("text", "grüße, 世界 🐇");
        headers.put("text-empty", "");
        headers.put("text-long", "0123456789".repeat(30));
        headers.put("octets", new byte[] {0, (byte) 0xff, (byte) 0x80, (byte) 0xc3, 0x28, 0x0d, 0x0a});
        headers.put("octets-empty", new byte[0]);
        headers.put("void", null);
        headers.put("array",
            Arrays.asList(true, -7, "two", null, List.of(4294967296L), Map.of("in", "an array")));
        headers.put("array-empty", List.of());
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("number", 42);
        table.put("nothing", null);
        table.put("clé", "valeur");
        table.put("deeper", Map.of("list", List.of(Map.of("deepest", false))));
        headers.put("table", table);
        headers.put("table-empty", Map.of());
        return headers;
    }

    /** Every type that the client encodes, integers at both limits (no infinity: RabbitMQ cannot read one). */
    private static Map<String, Object> every() {
        Map<String, Object> headers = new LinkedHashMap<>();
        headers.put("true", true);
        headers.put("false", false);
        headers.put("byte-min", Byte.MIN_VALUE);
        headers.put("byte-max", Byte.MAX_VALUE);
        headers.put("short-min", Short.MIN_VALUE);
        headers.put("short-max", Short.MAX_VALUE);
        headers.put("int-min", Integer.MIN_VALUE);
        headers.put("int-max", Integer.MAX_VALUE);
        headers.put("long-min", Long.MIN_VALUE);
        headers.put("long-max", Long.MAX_VALUE);
        headers.put("float", -1.5f);
        headers.put("float-max", Float.MAX_VALUE);
        headers.put("double", Math.PI);
        headers.put("double-min", Double.MIN_VALUE);
        headers.put("double-max", Double.MAX_VALUE);
        headers.put("decimal", new BigDecimal(BigInteger.valueOf(314_159), 5));
        headers.put("decimal-min", new BigDecimal(BigInteger.valueOf(Integer.MIN_VALUE), 0));
        headers.put("decimal-max", new BigDecimal(BigInteger.valueOf(Integer.MAX_VALUE), 255));
        headers.put("epoch", new Date(0));
        headers.put("timestamp", new Date(1_700_000_000_000L));
        headers.put("timestamp-far", new Date(253_402_300_799_000L));
        headers.put("text-empty", "");
        headers.put("text", "żółw 🐢");
        headers.put("text-long", "0123456789".repeat(10_000));
        headers.put("octets", Contents.octets(256, 1));
        headers.put("octets-empty", new byte[0]);
        headers.put("nothing", null);
        headers.put("array", Arrays.asList(1, 2L, "three", null, true, 5.0, new byte[] {6}, List.of(List.of())));
        headers.put("array-empty", List.of());
        headers.put("table", Map.of("a", 1, "b", Map.of("c", Map.of("d", "e"))));
        headers.put("table-empty", Map.of());
        headers.put("nested", List.of(Map.of("in", List.of(Map.of("deep", List.of(Map.of(), 1.5f)))), Map.of("x", (byte) 1)));
        headers.put("schlüssel", "non-ASCII key");
        headers.put("k".repeat(128), "a long key");
        headers.put("", "an empty key");
        return headers;
    }

    /** Compare tables, types of values included; null stands for a table that is absent. */
    static void compare(Map<?, ?> expected, Map<?, ?> actual) {
        same("headers", expected, actual);
    }

    private static void same(String path, Object expected, Object actual) {
        Object seen = actual instanceof LongString text ? text.toString() : actual;
        if (expected instanceof Map<?, ?> table && seen instanceof Map<?, ?> other) {
            Expect.equal(table.keySet(), other.keySet(), "keys of " + path);
            table.forEach((key, value) -> same(path + "." + key, value, other.get(key)));
        } else if (expected instanceof List<?> list && seen instanceof List<?> other) {
            List<Object> others = new ArrayList<>(other);
            Expect.equal(list.size(), others.size(), "length of " + path);
            for (int i = 0; i < list.size(); i++) {
                same(path + "[" + i + "]", list.get(i), others.get(i));
            }
        } else {
            Expect.equal(expected, seen, path);
        }
    }
}
