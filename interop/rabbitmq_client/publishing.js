import { rejection, same } from "../node/checks.js";
import { headers, properties, timestamp } from "../node/content.js";
import { name } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { withChannel, withConfirms } from "./client.js";

export async function confirms() {
  await withConfirms(async (channel) => {
    const { queue } = await channel.queueDeclare({ queue: name("confirmed") });
    const acknowledged = Array.from({ length: 200 }, (_, index) => channel.basicPublish(queue, `${index + 1}`));
    await within(Promise.all(acknowledged), "200 confirms");
    same(await channel.queueDelete(queue), { messageCount: 200 }, "the queue's messages");

    const full = name("full");
    await channel.queueDeclare({ queue: full, arguments: { "x-max-length": 0, "x-overflow": "reject-publish" } });
    const error = await rejection(channel.basicPublish(full, "too much"), "the confirm from the full queue");
    same(error.code, "NACK", error.message);
    await channel.queueDelete(full);
  });
}

export async function mandatory() {
  await withConfirms(async (channel) => {
    const { queue } = await channel.queueDeclare({ queue: name("routed") });
    const returns = new Inbox("a return");
    channel.on("basic.return", returns.put);
    const body = Buffer.from("to nowhere");
    const content = { ...properties, headers, timestamp };
    const nowhere = name("nowhere");
    await within(channel.basicPublish({ routingKey: nowhere, mandatory: true, ...content }, body), "the confirm");
    const fields = { replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: nowhere };
    same(await returns.take(), { ...fields, ...content, durable: true, body }, "the return");

    await within(channel.basicPublish({ routingKey: queue, mandatory: true }, body), "the confirm");
    same(await returns.waiting(), 0, "returns of the routed message");
    same(await channel.queueDelete(queue), { messageCount: 1 }, "the queue's messages");
  });
}

export async function transactions() {
  await withChannel(async (outside, connection) => {
    const { queue } = await outside.queueDeclare({ queue: name("transacted") });
    const inQueue = () => outside.basicGet({ queue, noAck: true });
    const channel = await transaction(connection);
    await channel.basicPublish(queue, "rolled back 1");
    await channel.basicPublish(queue, "rolled back 2");
    same(await inQueue(), undefined, "before the rollback");
    await channel.txRollback();
    await channel.txCommit();
    same(await inQueue(), undefined, "after rollback and commit");
    await channel.basicPublish(queue, "committed 1");
    await channel.basicPublish(queue, "committed 2");
    same(await inQueue(), undefined, "before the commit");
    await channel.txCommit();
    const first = await outside.basicGet({ queue });
    same([first?.body, first?.messageCount], ["committed 1", 1], "the first message after the commit");
    outside.basicNack({ deliveryTag: first.deliveryTag });

    for (const [settle, comesAgain] of [["txRollback", true], ["txCommit", false]]) {
      const taking = await transaction(connection);
      const message = await taking.basicGet({ queue });
      same(message?.body, "committed 1", `the message that is acknowledged before ${settle}`);
      taking.basicAck({ deliveryTag: message.deliveryTag });
      await taking[settle]();
      await taking.close();
      const next = await outside.basicGet({ queue });
      const expected = comesAgain ? ["committed 1", true] : ["committed 2", false];
      same([next?.body, next?.redelivered], expected, `the queue after ${settle}`);
      outside.basicNack({ deliveryTag: next.deliveryTag });
    }
    await channel.close();
    same(await outside.queueDelete(queue), { messageCount: 1 }, "the queue at the end");
  });
}

async function transaction(connection) {
  const channel = await connection.acquire();
  await channel.txSelect();
  return channel;
}
