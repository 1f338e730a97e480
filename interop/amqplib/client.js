/** amqplib as the scenarios use it: connections that are closed in order, consumers with an inbox, refusals. */
import { once } from "node:events";
import { rejection, same } from "../node/checks.js";
import { url } from "../node/environment.js";
import { installed } from "../node/run.js";
import { Inbox, within } from "../node/waiting.js";

const amqplib = installed("amqplib");

export const connect = (where = url, options = {}) => within(amqplib.connect(where, options), "connecting");

/** Let `use` have a connection; close it afterwards. */
export async function withConnection(use) {
  const connection = await connect();
  await use(connection);
  await within(connection.close(), "closing the connection");
}

/** Let `use` have a channel (and its connection); close both afterwards. */
export const withChannel = (use) => withOpened((connection) => connection.createChannel(), use);

/** The same with a channel in confirm mode. */
export const withConfirms = (use) => withOpened((connection) => connection.createConfirmChannel(), use);

function withOpened(open, use) {
  return withConnection(async (connection) => {
    const channel = await within(open(connection), "opening a channel");
    await use(channel, connection);
    await within(channel.close(), "closing the channel");
  });
}

/** Consume from a queue into an inbox, which gets null when the broker cancels the consumer. */
export async function consume(channel, queue, options) {
  const inbox = new Inbox(`a delivery from ${queue}`);
  const { consumerTag } = await within(channel.consume(queue, inbox.put, options), `consuming from ${queue}`);
  return { inbox, consumerTag };
}

/** See that `operation`, done on a channel of its own, fails with `code` and that the channel is closed with it. */
export async function refused(connection, code, what, operation) {
  const channel = await connection.createChannel();
  const failure = once(channel, "error");
  const error = await rejection(operation(channel), what);
  same(error.code, code, `${what}: ${error.message}`);
  const [reported] = await within(failure, `${what}: the channel's error`);
  same(reported.code, code, `${what}, as the channel's error`);
}
