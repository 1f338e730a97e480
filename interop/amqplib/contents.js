import { same, sameOctets } from "../node/checks.js";
import { everyOctet, headers, large, properties, text, textHeaders, timestamp } from "../node/content.js";
import { name } from "../node/environment.js";
import { everyType } from "../node/headers.js";
import { consume, withChannel } from "./client.js";

/** A message's properties without those that are absent; amqplib gives these as undefined. */
const present = (message) =>
  Object.fromEntries(Object.entries(message.properties).filter(([, value]) => value !== undefined));

export async function publishConsume() {
  await withChannel(async (declaring, connection) => {
    const { queue } = await declaring.assertQueue(name("contents"));
    const channel = await connection.createChannel();
    channel.sendToQueue(queue, everyOctet, { ...properties, headers, timestamp });
    channel.sendToQueue(queue, Buffer.alloc(0));
    channel.sendToQueue(queue, Buffer.from(text), { headers: textHeaders });
    const { inbox, consumerTag } = await consume(channel, queue);
    const [full, empty, utf8] = await inbox.takeMany(3);

    same(present(full), { ...properties, headers, timestamp }, "all properties");
    sameOctets(full.content, everyOctet, "the body with every octet");
    same(present(empty), { headers: {} }, "no properties but the empty headers that the client always sends");
    same(empty.content.length, 0, "the empty body's length");
    same(present(utf8), { headers: textHeaders }, "non-ASCII headers");
    same(utf8.content.toString(), text, "the UTF-8 body");
    for (const [index, message] of [full, empty, utf8].entries()) {
      const fields = { consumerTag, deliveryTag: index + 1, redelivered: false, exchange: "", routingKey: queue };
      same(message.fields, fields, `the delivery of message ${index + 1}`);
      channel.ack(message);
    }
    await channel.close(); // what was not acknowledged would come back now
    same(await declaring.deleteQueue(queue), { messageCount: 0 }, "the queue after the acknowledgements");
  });
}

const typed = (type, value) => ({ "!": type, value });

/** Header: [what is sent, what is received if that isn't the same]; the client reads all numbers as JavaScript's. */
const values = {
  true: [true],
  false: [false],
  "int8 min": [typed("int8", -128), -128],
  "int8 max": [typed("int8", 127), 127],
  "uint8 max": [typed("uint8", 255), 255],
  "int16 min": [typed("int16", -32768), -32768],
  "int16 max": [typed("int16", 32767), 32767],
  "uint16 max": [typed("uint16", 65535), 65535],
  "int32 min": [typed("int32", -2147483648), -2147483648],
  "int32 max": [typed("int32", 2147483647), 2147483647],
  "uint32 max": [typed("uint32", 4294967295), 4294967295],
  "int64 min": [typed("int64", -(2n ** 63n)), -(2 ** 63)],
  "int64 max": [typed("int64", 2n ** 63n - 1n), 2 ** 63],
  "int64 safe": [typed("int64", Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
  float: [typed("float", 1.5), 1.5],
  "float inexact": [typed("float", 0.1), Math.fround(0.1)],
  double: [0.1],
  "double max": [typed("double", Number.MAX_VALUE), Number.MAX_VALUE],
  "double min": [typed("double", Number.MIN_VALUE), Number.MIN_VALUE],
  "double -0": [typed("double", -0), -0],
  decimal: [typed("decimal", { places: 2, digits: 4294967295 })],
  timestamp: [typed("timestamp", 5_000_000_001)],
  "short text": ["ü"],
  "long text": ["lang ".repeat(2000)],
  octets: [everyOctet],
  nothing: [null],
  array: [[1, "two", null, [true, []], { deep: [{ deeper: -1 }] }]],
  table: [{ one: 1, two: { three: ["four", { five: null }] } }],
  "empty table": [{}],
  "empty array": [[]],
  "empty text": [""],
  "empty octets": [Buffer.alloc(0)],
};

export async function headerTypes() {
  await withChannel(async (channel) => {
    const { queue } = await channel.assertQueue(name("types"));
    const sent = Object.entries(values).map(([key, [value]]) => [key, value]);
    const expected = Object.entries(values).map(([key, pair]) => [key, pair.at(-1)]);
    channel.sendToQueue(queue, Buffer.from("types"), { headers: Object.fromEntries(sent) });
    const { inbox } = await consume(channel, queue, { noAck: true });
    const message = await inbox.take();
    same(Object.entries(message.properties.headers), expected, "the headers");
    await channel.deleteQueue(queue);

    const given = (await consume(channel, name("headers"), { noAck: true })).inbox;
    const { content, properties: received } = await given.take();
    same(content.toString(), "every type", "the body of the message with every type");
    const forms = {
      D: ({ scale, unscaled }) => typed("decimal", { places: scale, digits: unscaled }),
      T: (seconds) => typed("timestamp", seconds),
    };
    same(Object.entries(received.headers), everyType(forms), "the headers of every type");
  });
}

export async function largeMessage() {
  await withChannel(async (channel) => {
    const { queue } = await channel.assertQueue(name("large"));
    const bodies = [large(1), large(2)];
    for (const body of bodies) channel.sendToQueue(queue, body);
    const { inbox } = await consume(channel, queue);
    for (const body of bodies) {
      const message = await inbox.take();
      sameOctets(message.content, body, "10 MB");
      channel.ack(message);
    }
    await channel.deleteQueue(queue);
  });
}
