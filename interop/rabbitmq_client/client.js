/** rabbitmq-client as the scenarios use it: connections that are closed in order, consumers with an inbox, refusals. */
import { once } from "node:events";
import { rejection, same } from "../node/checks.js";
import { url } from "../node/environment.js";
import { installed } from "../node/run.js";
import { Inbox, within } from "../node/waiting.js";

const { Connection } = installed("rabbitmq-client");

/** A connection that is open. Without a listener for its errors, any error ends the driver. */
export async function connect(options = {}) {
  const connection = new Connection({ url, ...options });
  await within(connection.onConnect(), "connecting");
  return connection;
}

/** The error with which a connection with these options is refused. */
export async function refusedConnection(options) {
  const connection = new Connection({ url, ...options });
  const [error] = await within(once(connection, "error"), "the refusal");
  await within(connection.close(), "giving up");
  return error;
}

/** Let `use` have a connection; close it afterwards. */
export async function withConnection(use) {
  const connection = await connect();
  await use(connection);
  await within(connection.close(), "closing the connection");
}

/** Let `use` have a channel (and its connection); close both afterwards. */
export function withChannel(use) {
  return withConnection(async (connection) => {
    const channel = await within(connection.acquire(), "opening a channel");
    await use(channel, connection);
    await within(channel.close(), "closing the channel");
  });
}

/** The same with a channel in confirm mode. */
export function withConfirms(use) {
  return withChannel(async (channel, connection) => {
    await channel.confirmSelect();
    await use(channel, connection);
  });
}

/** What a passive declare says of a queue. */
export const look = (channel, queue) => channel.queueDeclare({ queue, passive: true });

/** Consume from a queue into an inbox. */
export async function consume(channel, queue, options) {
  const inbox = new Inbox(`a delivery from ${queue}`);
  const consuming = channel.basicConsume({ queue, ...options }, inbox.put);
  const { consumerTag } = await within(consuming, `consuming from ${queue}`);
  return { inbox, consumerTag };
}

/** See that `operation`, done on a channel of its own, fails with `code` and that the channel is closed with it. */
export async function refused(connection, code, what, operation) {
  const channel = await connection.acquire();
  const error = await rejection(operation(channel), what);
  same(error.code, code, `${what}: ${error.message}`);
  same(channel.active, false, `${what}: the channel is still open`);
}
