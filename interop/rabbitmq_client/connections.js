import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { must, same, sameOctets } from "../node/checks.js";
import { ask, authority, name, prefix, tlsUrl, urlWith } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { connect, look, refusedConnection, withChannel } from "./client.js";

export async function connectOptions() {
  const options = { heartbeat: 30, frameMax: 65536, maxChannels: 100, connectionName: prefix };
  const connection = await connect(options);
  const first = await connection.acquire();
  const second = await connection.acquire();
  const queue = name("options");
  await first.queueDeclare({ queue });
  same(await look(second, queue), { queue, messageCount: 0, consumerCount: 0 }, "the queue on the other channel");
  await second.queueDelete(queue);
  await second.close();
  await first.close();
  await within(connection.close(), "closing the connection");

  const password = await refusedConnection({ url: urlWith({ password: "wrong" }) });
  same(password.code, "ACCESS_REFUSED", `a wrong password: ${password.message}`);
  const vhost = await refusedConnection({ url: urlWith({ vhost: name("missing") }) });
  same(vhost.code, "NOT_ALLOWED", `a missing virtual host: ${vhost.message}`);
}

export async function heartbeats() {
  const connection = await connect({ heartbeat: 1 });
  const channel = await connection.acquire();
  await pause(4000);
  await channel.queueDeclare({ queue: name("idle") });
  await channel.queueDelete(name("idle"));
  await channel.close();
  await within(connection.close(), "closing the connection");
}

export async function reconnect() {
  const queue = name("lasting");
  const inbox = new Inbox("a message");
  const connection = await connect({ retryLow: 20, retryHigh: 200 });
  const options = { queue, queueOptions: { durable: true }, noAck: true };
  const consumer = connection.createConsumer(options, ({ body }) => inbox.put(body));
  await within(once(consumer, "ready"), "the consumer");
  const publisher = connection.createPublisher({ confirm: true });
  await publisher.send(queue, "before");
  same(await inbox.take(), "before", "the message before the close");

  const closed = once(connection, "error");
  const ready = once(consumer, "ready");
  await ask("close-connections");
  const [reason] = await within(closed, "the report of the close");
  same(reason.code, "CONNECTION_FORCED", reason.message);
  await within(ready, "the consumer on the new connection");

  await publisher.send({ routingKey: queue, durable: true }, "after");
  same(await inbox.take(), "after", "the message after the close");
  await within(consumer.close(), "closing the consumer");
  await within(publisher.close(), "closing the publisher");
  const channel = await connection.acquire();
  await channel.queueDelete(queue);
  await channel.close();
  await within(connection.close(), "closing the connection");
}

export async function blocked() {
  await withChannel(async (channel, connection) => {
    const queue = name("blocked");
    await channel.queueDeclare({ queue });
    const block = once(connection, "connection.blocked");
    const unblock = once(connection, "connection.unblocked");
    await ask("block");
    await channel.basicPublish(queue, "while blocked");
    const [reason] = await within(block, "the report that the connection is blocked");
    same(reason, "low on memory", "the reason");
    same(connection.ready, false, "whether the connection calls itself ready");
    await ask("unblock");
    await within(unblock, "the report that the connection is unblocked");
    same((await channel.basicGet({ queue, noAck: true }))?.body, "while blocked", "the message");
    await channel.queueDelete(queue);
  });
}

export async function tls() {
  const octets = Buffer.alloc(100_000, "tls");
  const connection = await connect({ url: tlsUrl, tls: { ca: [authority()] } });
  const channel = await connection.acquire();
  const queue = name("tls");
  await channel.queueDeclare({ queue });
  await channel.basicPublish(queue, octets);
  sameOctets((await channel.basicGet({ queue, noAck: true }))?.body, octets, "the message");
  await channel.queueDelete(queue);
  await channel.close();
  await within(connection.close(), "closing the connection");

  const error = await refusedConnection({ url: tlsUrl });
  must(/CERT|SIGNATURE|ISSUER/.test(error.code), `an unknown authority: ${error.code} ${error.message}`);
}
