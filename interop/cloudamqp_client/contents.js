import { same, sameOctets } from "../node/checks.js";
import * as content from "../node/content.js";
import { name } from "../node/environment.js";
import { everyType } from "../node/headers.js";
import { consume, withChannel } from "./client.js";

const date = (seconds) => new Date(seconds * 1000);

const everything = { ...content.properties, headers: content.headers, timestamp: date(content.timestamp) };

export async function publishConsume() {
  await withChannel(async (declaring, client) => {
    const queue = name("contents");
    await declaring.queueDeclare(queue);
    const channel = await client.channel();
    await channel.basicPublish("", queue, content.everyOctet, everything);
    await channel.basicPublish("", queue, null);
    await channel.basicPublish("", queue, content.text, { headers: content.textHeaders });
    const { inbox, consumer } = await consume(channel, queue);

    const expected = [
      [everything, content.everyOctet],
      [{}, Buffer.alloc(0)],
      [{ headers: content.textHeaders }, Buffer.from(content.text)],
    ];
    for (const [index, [properties, body]] of expected.entries()) {
      const message = await inbox.take();
      same(message.properties, properties, `the properties of message ${index + 1}`);
      sameOctets(message.body, body, `the body of message ${index + 1}`);
      const { consumerTag, deliveryTag, redelivered, exchange, routingKey } = message;
      const fields = [consumerTag, deliveryTag, redelivered, exchange, routingKey];
      same(fields, [consumer.tag, index + 1, false, "", queue], `the delivery of message ${index + 1}`);
      await message.ack();
    }
    await channel.close(); // what was not acknowledged would come back now
    same(await declaring.queueDelete(queue), { messageCount: 0 }, "the queue after the acknowledgements");
  });
}

const octets = new Uint8Array(content.everyOctet);

/** Header: [what is sent, what is received if that isn't the same]; it encodes no other types, and decodes them all. */
const values = {
  true: [true],
  false: [false],
  "int32 min": [-2147483648],
  "int32 max": [2147483647],
  "int64 from a number": [Number.MAX_SAFE_INTEGER],
  "int64 min": [-(2n ** 63n), -(2 ** 63)],
  "int64 max": [2n ** 63n - 1n, 2 ** 63],
  float: [1.5],
  "float inexact": [0.1, Math.fround(0.1)],
  double: [2 ** 33 + 0.1],
  "double from a large negative": [-(2 ** 40) - 0.0625],
  timestamp: [date(content.timestamp)],
  "timestamp of 1970": [date(0)],
  "short text": ["ü"],
  "long text": ["lang ".repeat(800)],
  "empty text": [""],
  octets: [octets],
  "octets of a buffer": [octets.buffer, octets],
  "empty octets": [new Uint8Array(0)],
  nothing: [null],
  array: [[1, "two", null, [true, []], { deep: [{ deeper: -1 }] }]],
  table: [{ one: 1, two: { three: ["four", { five: null }] } }],
  "empty table": [{}],
  "empty array": [[]],
};

export async function headerTypes() {
  await withChannel(async (channel) => {
    const queue = name("types");
    await channel.queueDeclare(queue);
    const sent = Object.fromEntries(Object.entries(values).map(([key, [value]]) => [key, value]));
    await channel.basicPublish("", queue, "types", { headers: sent });
    const { inbox } = await consume(channel, queue, { noAck: true });
    const expected = Object.entries(values).map(([key, pair]) => [key, pair.at(-1)]);
    same(Object.entries((await inbox.take()).properties.headers), expected, "the headers");
    await channel.queueDelete(queue);

    const given = (await consume(channel, name("headers"), { noAck: true })).inbox;
    const message = await given.take();
    same(message.bodyString(), "every type", "the body of the message with every type");
    const forms = {
      D: ({ scale, unscaled }) => unscaled / 10 ** scale,
      T: date,
      x: (buffer) => new Uint8Array(buffer),
    };
    same(Object.entries(message.properties.headers), everyType(forms), "the headers of every type");
    same(Object.keys(message.properties), ["headers"], "the properties of the message with every type");
  });
}

export async function largeMessage() {
  await withChannel(async (channel) => {
    const queue = name("large");
    await channel.queueDeclare(queue);
    const bodies = [content.large(1), content.large(2)];
    for (const body of bodies) await channel.basicPublish("", queue, body);
    const { inbox } = await consume(channel, queue);
    for (const body of bodies) {
      const message = await inbox.take();
      sameOctets(message.body, body, "10 MB");
      await message.ack();
    }
    await channel.queueDelete(queue);
  });
}
