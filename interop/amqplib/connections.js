import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { must, rejection, same, sameOctets } from "../node/checks.js";
import { ask, authority, name, prefix, tlsUrl, urlWith } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { connect, withChannel } from "./client.js";

export async function connectOptions() {
  const parameters = { heartbeat: 30, frameMax: 65536, channelMax: 100 };
  const model = await connect(urlWith({ parameters }), { clientProperties: { connection_name: prefix } });
  const { heartbeat, frameMax, channelMax } = model.connection;
  same({ heartbeat, frameMax, channelMax }, parameters, "what was negotiated");
  const first = await model.createChannel();
  const second = await model.createChannel();
  await first.assertQueue(name("options"));
  const seen = await second.checkQueue(name("options"));
  same(seen, { queue: name("options"), messageCount: 0, consumerCount: 0 }, "the queue on the other channel");
  await second.deleteQueue(name("options"));
  await second.close();
  await first.close();
  await within(model.close(), "closing the connection");

  const password = await rejection(connect(urlWith({ password: "wrong" })), "a wrong password");
  must(/403 .*ACCESS[-_]REFUSED/s.test(password.message), `a wrong password: ${password.message}`);
  const vhost = await rejection(connect(urlWith({ vhost: name("missing") })), "a missing virtual host");
  // The client keeps the broker's code and text to itself.
  same(vhost.message, "Expected ConnectionOpenOk; got <ConnectionClose channel:0>", "a missing virtual host");
}

export async function heartbeats() {
  const model = await connect(urlWith({ parameters: { heartbeat: 1 } }));
  same(model.connection.heartbeat, 1, "the heartbeat that was negotiated");
  const channel = await model.createChannel();
  await pause(4000);
  await channel.assertQueue(name("idle"));
  await channel.deleteQueue(name("idle"));
  await within(model.close(), "closing the connection");
}

export async function reconnect() {
  const queue = name("lasting");
  const inbox = new Inbox("a message");
  const setup = async (model) => {
    const channel = await model.createChannel();
    await channel.assertQueue(queue, { durable: true });
    await channel.consume(queue, (message) => inbox.put(message?.content.toString()), { noAck: true });
  };
  const recovering = await connect(undefined, { recovery: { initialDelay: 20, maxDelay: 200, setup } });
  const before = await recovering.createChannel();
  before.sendToQueue(queue, Buffer.from("before"));
  same(await inbox.take(), "before", "the message before the close");

  const disconnected = once(recovering, "disconnect");
  const connected = once(recovering, "connect");
  await ask("close-connections");
  const [reason] = await within(disconnected, "the report of the close");
  same(reason.code, 320, reason.message);
  must(/CONNECTION_FORCED/.test(reason.message), reason.message);
  await within(connected, "the new connection");

  const after = await recovering.createChannel();
  after.sendToQueue(queue, Buffer.from("after"), { persistent: true });
  same(await inbox.take(), "after", "the message after the close");
  await after.deleteQueue(queue);
  await within(recovering.close(), "closing the connection");
}

export async function blocked() {
  await withChannel(async (channel, connection) => {
    const { queue } = await channel.assertQueue(name("blocked"));
    const block = once(connection, "blocked");
    const unblock = once(connection, "unblocked");
    await ask("block");
    channel.sendToQueue(queue, Buffer.from("while blocked"));
    const [reason] = await within(block, "the report that the connection is blocked");
    same(reason, "low on memory", "the reason");
    await ask("unblock");
    await within(unblock, "the report that the connection is unblocked");
    const message = await channel.get(queue, { noAck: true });
    same(message && message.content.toString(), "while blocked", "the message");
    await channel.deleteQueue(queue);
  });
}

export async function tls() {
  const octets = Buffer.alloc(100_000, "tls");
  const connection = await connect(tlsUrl, { ca: [authority()] });
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue(name("tls"));
  channel.sendToQueue(queue, octets);
  const message = await channel.get(queue, { noAck: true });
  sameOctets(message.content, octets, "the message");
  await channel.deleteQueue(queue);
  await within(connection.close(), "closing the connection");

  const error = await rejection(connect(tlsUrl), "an unknown authority");
  must(/CERT|SIGNATURE|ISSUER/.test(error.code), `an unknown authority: ${error.code} ${error.message}`);
}
