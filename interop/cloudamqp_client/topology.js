import { must, same } from "../node/checks.js";
import { name } from "../node/environment.js";
import { within } from "../node/waiting.js";
import { codeOf, connect, consume, look, refused, text, withChannel, withConfirms } from "./client.js";

const limits = { "x-max-length": 1000, "x-message-ttl": 60000, "x-dead-letter-exchange": "" };

export async function declareBind() {
  await withConfirms(async (channel, client) => {
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
      await channel.exchangeDeclare(exchange, type, { durable: true });
    }
    await channel.queueDeclare(queue, { durable: true }, limits);
    await channel.queueBind(queue, direct, "key");
    await channel.queueBind(queue, fanout, "");
    await channel.queueBind(queue, topic, "a.*.#");
    await channel.queueBind(queue, headers, "", { "x-match": "any", colour: "red", size: 3 });
    await channel.exchangeBind(fanout, source, "through");

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

    await channel.basicPublish(direct, "key", "1");
    await channel.basicPublish(direct, "key", "2");
    same(await look(channel, queue), { name: queue, messageCount: 2, consumerCount: 0 }, "a passive declare");
    same(await channel.queuePurge(queue), { messageCount: 2 }, "a purge");
    await channel.queueUnbind(queue, direct, "key");
    await channel.basicPublish(direct, "key", "unbound");
    same(await channel.basicGet(queue), null, "a get after the unbind");

    const others = { ...limits, "x-max-length": 5 };
    await refused(client, 406, "another x-max-length", (own) => own.queueDeclare(queue, { durable: true }, others));
    await refused(client, 404, "a missing queue", (own) => look(own, name("missing")));

    same(await channel.queueDelete(queue), { messageCount: 0 }, "deleting the queue");
    for (const [exchange] of types) await channel.exchangeDelete(exchange);
    await refused(client, 404, "a deleted exchange", (own) => own.exchangeDeclare(direct, "direct", { passive: true }));
  });
}

/** Publish to each [exchange, key, headers, arrives] in turn; see in the queue those that arrive, and no others. */
async function arrives(channel, queue, publications) {
  for (const [exchange, key, headers] of publications) {
    await channel.basicPublish(exchange, key, `${exchange} ${key}`, { headers });
  }
  const expected = publications.filter((each) => each[3]).map(([exchange, key]) => `${exchange} ${key}`);
  same((await look(channel, queue)).messageCount, expected.length, "the count of messages that arrived");
  for (const body of expected) {
    const message = await channel.basicGet(queue);
    same(text(message), body, "the next message");
    same(`${message.exchange} ${message.routingKey}`, body, "its exchange and key");
  }
  same(await channel.basicGet(queue), null, "a get after the last");
}

export async function exclusive() {
  const owner = await connect();
  const owning = await owner.channel();
  const { name: queue } = await owning.queueDeclare("", { exclusive: true, autoDelete: false });
  must(queue.startsWith("amq.gen-"), `the server named the queue ${queue}`);
  const { inbox } = await consume(owning, queue, { noAck: true });
  await owning.basicPublish("", queue, "mine");
  same(text(await inbox.take()), "mine", "the message");

  await withChannel(async (channel, other) => {
    await refused(other, 405, "another connection's declare", (own) => look(own, queue));
    await refused(other, 405, "another connection's consume", (own) => consume(own, queue));
    await refused(other, 405, "another connection's get", (own) => own.basicGet(queue));
    await within(owner.close(), "closing the owner's connection");
    await gone(other, queue);

    await channel.queueDeclare(name("single"));
    await consume(channel, name("single"), { exclusive: true });
    await refused(other, 403, "a second consumer", (own) => consume(own, name("single")));
    await channel.queueDelete(name("single"));
  });
}

/** Wait until a queue whose owner has gone is gone, too: until then it is still locked. */
async function gone(client, queue) {
  const seen = async () => {
    for (;;) {
      const channel = await client.channel();
      channel.onerror = () => {};
      const code = await look(channel, queue).then(() => "still there", codeOf);
      if (code !== 405) return code;
    }
  };
  same(await within(seen(), "the end of the exclusive queue"), 404, "the queue after its owner");
}
