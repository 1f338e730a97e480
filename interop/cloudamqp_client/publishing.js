import { rejection, same } from "../node/checks.js";
import * as content from "../node/content.js";
import { name } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { text, withChannel, withConfirms } from "./client.js";

export async function confirms() {
  await withConfirms(async (channel) => {
    const queue = name("confirmed");
    await channel.queueDeclare(queue);
    const numbers = Array.from({ length: 200 }, (_, index) => index + 1);
    const tags = await within(
      Promise.all(numbers.map((number) => channel.basicPublish("", queue, `${number}`))),
      "200 confirms",
    );
    same(tags, numbers, "the tags of the confirms");
    same(await channel.queueDelete(queue), { messageCount: 200 }, "the queue's messages");

    const full = name("full");
    await channel.queueDeclare(full, {}, { "x-max-length": 0, "x-overflow": "reject-publish" });
    const error = await rejection(channel.basicPublish("", full, "too much"), "the confirm from the full queue");
    same(error.message, "Message rejected", "the confirm from the full queue");
    await channel.queueDelete(full);
  });
}

export async function mandatory() {
  await withConfirms(async (channel) => {
    const queue = name("routed");
    await channel.queueDeclare(queue);
    const returns = new Inbox("a return");
    channel.onReturn = returns.put;
    const { headers, properties, timestamp } = content;
    const sent = { ...properties, headers, timestamp: new Date(timestamp * 1000) };
    const nowhere = name("nowhere");
    same(await within(channel.basicPublish("", nowhere, "to nowhere", sent, true), "the confirm"), 1, "its tag");
    const message = await returns.take();
    const { replyCode, replyText, exchange, routingKey } = message;
    same([replyCode, replyText, exchange, routingKey], [312, "NO_ROUTE", "", nowhere], "the return");
    same(message.properties, sent, "its properties");
    same(text(message), "to nowhere", "its body");

    same(await within(channel.basicPublish("", queue, "routed", {}, true), "the confirm"), 2, "its tag");
    same(await returns.waiting(), 0, "returns of the routed message");
    same(await channel.queueDelete(queue), { messageCount: 1 }, "the queue's messages");
  });
}

export async function transactions() {
  await withChannel(async (outside, client) => {
    const queue = name("transacted");
    await outside.queueDeclare(queue);
    const channel = await transaction(client);
    await channel.basicPublish("", queue, "rolled back 1");
    await channel.basicPublish("", queue, "rolled back 2");
    same(await outside.basicGet(queue), null, "before the rollback");
    await channel.txRollback();
    await channel.txCommit();
    same(await outside.basicGet(queue), null, "after rollback and commit");
    await channel.basicPublish("", queue, "committed 1");
    await channel.basicPublish("", queue, "committed 2");
    same(await outside.basicGet(queue), null, "before the commit");
    await channel.txCommit();
    const first = await outside.basicGet(queue, { noAck: false });
    same([text(first), first?.messageCount], ["committed 1", 1], "the first message after the commit");
    await first.nack(true);

    for (const [settle, comesAgain] of [["txRollback", true], ["txCommit", false]]) {
      const taking = await transaction(client);
      const message = await taking.basicGet(queue, { noAck: false });
      same(text(message), "committed 1", `the message that is acknowledged before ${settle}`);
      await message.ack();
      await taking[settle]();
      await taking.close();
      const next = await outside.basicGet(queue, { noAck: false });
      const expected = comesAgain ? ["committed 1", true] : ["committed 2", false];
      same([text(next), next?.redelivered], expected, `the queue after ${settle}`);
      await next.nack(true);
    }
    await channel.close();
    same(await outside.queueDelete(queue), { messageCount: 1 }, "the queue at the end");
  });
}

async function transaction(client) {
  const channel = await client.channel();
  await channel.txSelect();
  return channel;
}
