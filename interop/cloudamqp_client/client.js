/** @cloudamqp/amqp-client as the scenarios use it: connections closed in order, consumers with an inbox, refusals. */
import { must, rejection, same } from "../node/checks.js";
import { url } from "../node/environment.js";
import { installed } from "../node/run.js";
import { Inbox, within } from "../node/waiting.js";

const { AMQPClient, AMQPSession } = installed("@cloudamqp/amqp-client");

/** A client that is connected; any error that nobody expects ends the driver. */
export async function connect(where = url, tlsOptions = undefined) {
  const client = new AMQPClient(where, tlsOptions);
  await within(client.connect(), "connecting");
  client.onerror = (error) => {
    throw error;
  };
  return client;
}

/** A session: a connection that recovers itself and its subscriptions. */
export const openSession = (options) => within(AMQPSession.connect(url, options), "connecting");

/** Let `use` have a connection; close it afterwards. */
export async function withConnection(use) {
  const client = await connect();
  await use(client);
  await within(client.close(), "closing the connection");
}

/** Let `use` have a channel (and its connection); close both afterwards. */
export function withChannel(use) {
  return withConnection(async (client) => {
    const channel = await within(client.channel(), "opening a channel");
    await use(channel, client);
    await within(channel.close(), "closing the channel");
  });
}

/** The same with a channel in confirm mode. */
export function withConfirms(use) {
  return withChannel(async (channel, client) => {
    await channel.confirmSelect();
    await use(channel, client);
  });
}

/** What a passive declare says of a queue. */
export const look = (channel, queue) => channel.queueDeclare(queue, { passive: true });

/** The body of a message as a text. */
export const text = (message) => message?.bodyString();

/** Consume from a queue into an inbox; the consumer has a tag and says when it ends. */
export async function consume(channel, queue, options = {}) {
  const inbox = new Inbox(`a delivery from ${queue}`);
  const consuming = channel.basicConsume(queue, { noAck: false, ...options }, inbox.put);
  return { inbox, consumer: await within(consuming, `consuming from ${queue}`) };
}

/** The reply code that an error names at the end of its text. */
export const codeOf = (error) => Number(/ \((\d{3})\)$/.exec(error.message)?.[1]);

/** See that `operation`, done on a channel of its own, fails with `code` and that the channel is closed with it. */
export async function refused(client, code, what, operation) {
  const channel = await client.channel();
  const reports = [];
  channel.onerror = (reason) => reports.push(reason);
  const error = await rejection(operation(channel), what);
  same(codeOf(error), code, `${what}: ${error.message}`);
  same(reports, [error.message], `${what}, as the channel's error`);
  must(channel.closed, `${what}: the channel is still open`);
}
