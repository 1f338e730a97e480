import { setTimeout as pause } from "node:timers/promises";
import { must, rejection, same, sameOctets } from "../node/checks.js";
import { ask, authority, name, prefix, tlsUrl, urlWith } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { codeOf, connect, look, openSession, text, withChannel } from "./client.js";

export async function connectOptions() {
  const limits = { heartbeat: 30, frameMax: 65536, channelMax: 100 };
  const client = await connect(urlWith({ parameters: { ...limits, name: prefix } }));
  const { heartbeat, frameMax, channelMax } = client;
  same({ heartbeat, frameMax, channelMax }, limits, "what was negotiated");
  const first = await client.channel();
  const second = await client.channel();
  const queue = name("options");
  await first.queueDeclare(queue);
  same(await look(second, queue), { name: queue, messageCount: 0, consumerCount: 0 }, "the queue on the other channel");
  await second.queueDelete(queue);
  await second.close();
  await first.close();
  await within(client.close(), "closing the connection");

  const password = await rejection(connect(urlWith({ password: "wrong" })), "a wrong password");
  same(codeOf(password), 403, `a wrong password: ${password.message}`);
  must(/ACCESS_REFUSED/.test(password.message), `a wrong password: ${password.message}`);
  const vhost = await rejection(connect(urlWith({ vhost: name("missing") })), "a missing virtual host");
  same(codeOf(vhost), 530, `a missing virtual host: ${vhost.message}`);
}

/** The client answers the server's heartbeats and closes after a second in which none came. */
export async function heartbeats() {
  const client = await connect(urlWith({ parameters: { heartbeat: 1 } }));
  same(client.heartbeat, 1, "the heartbeat that was negotiated");
  const channel = await client.channel();
  await pause(4000);
  await channel.queueDeclare(name("idle"));
  await channel.queueDelete(name("idle"));
  await within(client.close(), "closing the connection");
}

export async function reconnect() {
  const connected = new Inbox("a connection");
  const disconnected = new Inbox("the report of the close");
  const messages = new Inbox("a message");
  const session = await openSession({
    reconnectInterval: 20,
    onconnect: connected.put,
    ondisconnect: disconnected.put,
  });
  await connected.take();
  const queue = await session.queue(name("lasting"), { durable: true });
  await queue.subscribe({ noAck: true }, (message) => messages.put(text(message)));
  await queue.publish("before");
  same(await messages.take(), "before", "the message before the close");

  await ask("close-connections");
  const reason = await disconnected.take();
  same(codeOf(reason), 320, reason.message);
  must(/CONNECTION_FORCED/.test(reason.message), reason.message);
  await connected.take();

  await queue.publish("after", { deliveryMode: 2 });
  same(await messages.take(), "after", "the message after the close");
  await queue.delete();
  await within(session.stop(), "closing the connection");
}

export async function blocked() {
  await withChannel(async (channel, client) => {
    const queue = name("blocked");
    await channel.queueDeclare(queue);
    const blocks = new Inbox("the report that the connection is blocked");
    const unblocks = new Inbox("the report that the connection is unblocked");
    client.onblocked = blocks.put;
    client.onunblocked = unblocks.put;
    await ask("block");
    await channel.basicPublish("", queue, "while blocked");
    same(await blocks.take(), "low on memory", "the reason");
    await ask("unblock");
    await unblocks.take();
    same(text(await channel.basicGet(queue)), "while blocked", "the message");
    await channel.queueDelete(queue);
  });
}

export async function tls() {
  const octets = Buffer.alloc(100_000, "tls");
  const client = await connect(tlsUrl, { ca: authority() });
  const channel = await client.channel();
  const queue = name("tls");
  await channel.queueDeclare(queue);
  await channel.basicPublish("", queue, octets);
  sameOctets((await channel.basicGet(queue))?.body, octets, "the message");
  await channel.queueDelete(queue);
  await within(client.close(), "closing the connection");

  const error = await rejection(connect(tlsUrl), "an unknown authority");
  must(/certificate/.test(error.message), `an unknown authority: ${error.message}`);
}
