import { same, sameOctets } from "../node/checks.js";
import { everyOctet, headers, large, properties, text, textHeaders, timestamp } from "../node/content.js";
import { name } from "../node/environment.js";
import { everyType } from "../node/headers.js";
import { consume, withChannel } from "./client.js";

const everything = { ...properties, headers, timestamp, clusterId: "cluster-1" };

export async function publishConsume() {
  await withChannel(async (declaring, connection) => {
    const { queue } = await declaring.queueDeclare({ queue: name("contents") });
    const channel = await connection.acquire();
    const plain = { routingKey: queue, timestamp: undefined }; // the client would add the time of day
    await channel.basicPublish({ routingKey: queue, ...everything }, everyOctet);
    await channel.basicPublish(plain, Buffer.alloc(0));
    await channel.basicPublish({ ...plain, headers: textHeaders }, text);
    const { inbox, consumerTag } = await consume(channel, queue);

    const expected = [
      { ...everything, durable: true, body: everyOctet },
      { deliveryMode: 1, durable: false, body: Buffer.alloc(0) }, // the client always sends a delivery mode
      { deliveryMode: 1, durable: false, contentType: "text/plain", headers: textHeaders, body: text },
    ];
    for (const [index, content] of expected.entries()) {
      const message = await inbox.take();
      const fields = { consumerTag, deliveryTag: index + 1, redelivered: false, exchange: "", routingKey: queue };
      same(message, { ...fields, ...content }, `message ${index + 1}`);
      channel.basicAck({ deliveryTag: message.deliveryTag });
    }
    await channel.close(); // what was not acknowledged would come back now
    same(await declaring.queueDelete(queue), { messageCount: 0 }, "the queue after the acknowledgements");
  });
}

/** Header: [what is sent, what is received if that isn't the same]; it encodes no other types, and decodes them all. */
const values = {
  true: [true],
  false: [false],
  "int8 min": [-128],
  "int8 max": [127],
  "int16 min": [-32768],
  "int16 max": [32767],
  "int32 min": [-2147483648],
  "int32 max": [2147483647],
  "int64 from a number": [Number.MAX_SAFE_INTEGER],
  "int64 min": [-(2n ** 63n), -(2 ** 63)],
  "int64 max": [2n ** 63n - 1n, 2 ** 63],
  double: [0.1],
  "double max": [Number.MAX_VALUE],
  "double min": [Number.MIN_VALUE],
  "short text": ["ü"],
  "long text": ["lang ".repeat(1000)],
  "empty text": [""],
  nothing: [null],
  array: [[1, "two", null, [true, []], { deep: [{ deeper: -1 }] }]],
  table: [{ one: 1, two: { three: ["four", { five: null }] } }],
  "table of a map": [new Map([["a", new Map()]]), { a: {} }],
  "empty table": [{}],
  "empty array": [[]],
};

export async function headerTypes() {
  await withChannel(async (channel) => {
    const { queue } = await channel.queueDeclare({ queue: name("types") });
    const sent = Object.fromEntries(Object.entries(values).map(([key, [value]]) => [key, value]));
    await channel.basicPublish({ routingKey: queue, headers: sent }, "types");
    const { inbox } = await consume(channel, queue, { noAck: true });
    const expected = Object.entries(values).map(([key, pair]) => [key, pair.at(-1)]);
    same(Object.entries((await inbox.take()).headers), expected, "the headers");
    await channel.queueDelete(queue);

    const given = (await consume(channel, name("headers"), { noAck: true })).inbox;
    const message = await given.take();
    same(message.body.toString(), "every type", "the body of the message with every type");
    const forms = { D: ({ scale, unscaled }) => ({ scale, value: unscaled | 0 }) }; // it reads 32 bits as signed
    same(Object.entries(message.headers), everyType(forms), "the headers of every type");
  });
}

export async function largeMessage() {
  await withChannel(async (channel) => {
    const { queue } = await channel.queueDeclare({ queue: name("large") });
    const bodies = [large(1), large(2)];
    for (const body of bodies) await channel.basicPublish(queue, body);
    const { inbox } = await consume(channel, queue);
    for (const body of bodies) {
      const message = await inbox.take();
      sameOctets(message.body, body, "10 MB");
      channel.basicAck({ deliveryTag: message.deliveryTag });
    }
    await channel.queueDelete(queue);
  });
}
