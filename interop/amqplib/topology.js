import { must, same } from "../node/checks.js";
import { name } from "../node/environment.js";
import { connect, consume, refused, withChannel, withConfirms } from "./client.js";
import { within } from "../node/waiting.js";

const limits = { durable: true, maxLength: 1000, messageTtl: 60000, deadLetterExchange: "" };

export async function declareBind() {
  await withConfirms(async (channel, connection) => {
    const queue = name("bound");
    const [direct, fanout, topic, headers, source] = ["direct", "fanout", "topic", "headers", "source"].map(name);
    const types = [
      [direct, "direct"],
      [fanout, "fanout"],
      [topic, "topic"],
      [headers, "headers"],
      [source, "direct"],
    ];
    for (const [exchange, type] of types) {
      await channel.assertExchange(exchange, type, { durable: true });
    }
    await channel.assertQueue(queue, limits);
    await channel.bindQueue(queue, direct, "key");
    await channel.bindQueue(queue, fanout, "");
    await channel.bindQueue(queue, topic, "a.*.#");
    await channel.bindQueue(queue, headers, "", { "x-match": "any", colour: "red", size: 3 });
    await channel.bindExchange(fanout, source, "through");

    await arrives(channel, queue, [
      [direct, "key", {}, true],
      [direct, "other", {}, false],
      [fanout, "whatever", {}, true],
      [topic, "a.b.c.d", {}, true],
      [topic, "a", {}, false],
      [headers, "red", { colour: "red", size: 9 }, true],
      [headers, "three", { colour: "blue", size: 3 }, true],
      [headers, "neither", { colour: "blue", size: 4 }, false],
      [source, "through", {}, true],
      [source, "past", {}, false],
    ]);

    channel.publish(direct, "key", Buffer.from("1"));
    channel.publish(direct, "key", Buffer.from("2"));
    await within(channel.waitForConfirms(), "the confirms");
    same(await channel.checkQueue(queue), { queue, messageCount: 2, consumerCount: 0 }, "a passive declare");
    same(await channel.purgeQueue(queue), { messageCount: 2 }, "a purge");
    await channel.unbindQueue(queue, direct, "key");
    channel.publish(direct, "key", Buffer.from("unbound"));
    same(await channel.get(queue, { noAck: true }), false, "a get after the unbind");

    const others = { ...limits, maxLength: 5 };
    await refused(connection, 406, "another x-max-length", (own) => own.assertQueue(queue, others));
    await refused(connection, 404, "a missing queue", (own) => own.checkQueue(name("missing")));

    same(await channel.deleteQueue(queue), { messageCount: 0 }, "deleting the queue");
    for (const [exchange] of types) await channel.deleteExchange(exchange);
    await refused(connection, 404, "a deleted exchange", (own) => own.checkExchange(direct));
  });
}

/** Publish to each [exchange, key, headers, arrives] in turn; see in the queue those that arrive, and no others. */
async function arrives(channel, queue, publications) {
  for (const [exchange, key, headers] of publications) {
    channel.publish(exchange, key, Buffer.from(`${exchange} ${key}`), { headers });
  }
  const expected = publications.filter((each) => each[3]).map(([exchange, key]) => `${exchange} ${key}`);
  await within(channel.waitForConfirms(), "the confirms"); // a count may overtake messages that aren't confirmed
  same((await channel.checkQueue(queue)).messageCount, expected.length, "the count of messages that arrived");
  for (const text of expected) {
    const message = await channel.get(queue, { noAck: true });
    must(message !== false, `${text} did not arrive`);
    same(message.content.toString(), text, "the next message");
    same(`${message.fields.exchange} ${message.fields.routingKey}`, text, "its exchange and key");
  }
  same(await channel.get(queue, { noAck: true }), false, "a get after the last");
}

export async function exclusive() {
  const owner = await connect();
  const owning = await owner.createChannel();
  const { queue } = await owning.assertQueue("", { exclusive: true });
  must(queue.startsWith("amq.gen-"), `the server named the queue ${queue}`);
  const { inbox } = await consume(owning, queue, { noAck: true });
  owning.sendToQueue(queue, Buffer.from("mine"));
  same((await inbox.take()).content.toString(), "mine", "the message");

  await withChannel(async (channel, other) => {
    await refused(other, 405, "another connection's declare", (own) => own.checkQueue(queue));
    await refused(other, 405, "another connection's consume", (own) => own.consume(queue, () => {}));
    await refused(other, 405, "another connection's get", (own) => own.get(queue));
    await within(owner.close(), "closing the owner's connection");
    await gone(other, queue);

    await channel.assertQueue(name("single"));
    await channel.consume(name("single"), () => {}, { exclusive: true });
    await refused(other, 403, "a second consumer", (own) => own.consume(name("single"), () => {}));
    await channel.deleteQueue(name("single"));
  });
}

/** Wait until a queue whose owner has gone is gone, too: until then it is still locked. */
async function gone(connection, queue) {
  const seen = async () => {
    for (;;) {
      const channel = await connection.createChannel();
      channel.on("error", () => {});
      const code = await channel.checkQueue(queue).then(
        () => "still there",
        (error) => error.code,
      );
      if (code !== 405) return code;
    }
  };
  same(await within(seen(), "the end of the exclusive queue"), 404, "the queue after its owner");
}
