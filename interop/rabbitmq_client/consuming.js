import { once } from "node:events";
import { must, same } from "../node/checks.js";
import { name } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { consume, look, withChannel, withConfirms, withConnection } from "./client.js";

async function send(channel, queue, ...texts) {
  for (const text of texts) await channel.basicPublish(queue, text);
}

/** What a got message says: its text, the messages behind it and whether it came before. */
const got = (message) => [message?.body, message?.messageCount, message?.redelivered];

export async function get() {
  await withChannel(async (declaring, connection) => {
    const { queue } = await declaring.queueDeclare({ queue: name("got") });
    const channel = await connection.acquire();
    same(await channel.basicGet({ queue }), undefined, "a get from an empty queue");
    await send(channel, queue, "first", "second", "third");
    const first = await channel.basicGet({ queue });
    same(got(first), ["first", 2, false], "the first message");
    same([first.exchange, first.routingKey], ["", queue], "its exchange and key");
    channel.basicAck({ deliveryTag: first.deliveryTag });
    same(got(await channel.basicGet({ queue, noAck: true })), ["second", 1, false], "the second message");
    same(got(await channel.basicGet({ queue })), ["third", 0, false], "the third message");
    await channel.close();

    const again = await connection.acquire();
    const third = await again.basicGet({ queue });
    same(got(third), ["third", 0, true], "the third message on a new channel");
    again.basicAck({ deliveryTag: third.deliveryTag });
    await again.close();
    same(await declaring.queueDelete(queue), { messageCount: 0 }, "the queue at the end");
  });
}

/** The client has nack but no reject. */
export async function requeue() {
  await withChannel(async (declaring, connection) => {
    const dead = name("dead");
    const limits = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead };
    const { queue } = await declaring.queueDeclare({ queue: name("requeued"), arguments: limits });
    await declaring.queueDeclare({ queue: dead });
    const channel = await connection.acquire();
    await channel.basicQos({ prefetchCount: 5 });
    await send(channel, queue, "1", "2", "3", "4", "5");
    const { inbox } = await consume(channel, queue);
    const [one, two, three, four, five] = (await inbox.takeMany(5)).map((each) => each.deliveryTag);
    channel.basicNack({ deliveryTag: one, requeue: false });
    channel.basicNack({ deliveryTag: two, requeue: false });
    channel.basicNack({ deliveryTag: four, requeue: true });
    channel.basicAck({ deliveryTag: five });
    channel.basicNack({ deliveryTag: three }); // it requeues by default
    const back = await inbox.takeMany(2);
    same(back.map((each) => each.body).sort(), ["3", "4"], "what comes again");
    same(back.map((each) => each.redelivered), [true, true], "redelivered");
    channel.basicAck({ deliveryTag: back[1].deliveryTag, multiple: true });
    await channel.close();
    same(await declaring.queueDelete(queue), { messageCount: 0 }, "the queue at the end");
    await seeDead(declaring, dead, queue);
  });
}

/** See 1 and 2 in the dead-letter queue, as rejected. */
async function seeDead(channel, dead, queue) {
  const { inbox } = await consume(channel, dead, { noAck: true });
  for (const text of ["1", "2"]) {
    const message = await inbox.take();
    same(message.body, text, "the next dead letter");
    const [death, ...earlier] = message.headers["x-death"];
    same(earlier, [], "earlier deaths");
    const { time, ...others } = death;
    const expected = { count: 1, reason: "rejected", queue, exchange: "", "routing-keys": [queue] };
    same(others, expected, `the death of ${text}`);
    must(Math.abs(time - Date.now() / 1000) < 600, `its time: ${time}`);
    const first = ["queue", "reason", "exchange"].map((word) => message.headers[`x-first-death-${word}`]);
    same(first, [queue, "rejected", ""], "its first death");
  }
  await channel.queueDelete(dead);
}

export async function prefetch() {
  await withChannel(async (channel) => {
    const { queue } = await channel.queueDeclare({ queue: name("prefetched") });
    const numbers = Array.from({ length: 10 }, (_, index) => `${index + 1}`);
    await send(channel, queue, ...numbers);
    await channel.basicQos({ prefetchCount: 3 });
    const { inbox } = await consume(channel, queue);
    const held = await inbox.takeMany(3);
    const seen = held.map((each) => each.body);
    while (held.length > 0) {
      const { messageCount } = await look(channel, queue); // once it is answered, nothing more is on its way
      same(messageCount, 10 - seen.length, "messages that are still in the queue");
      same(await inbox.waiting(), 0, "deliveries beyond the prefetch");
      channel.basicAck({ deliveryTag: held.shift().deliveryTag });
      if (seen.length < 10) {
        held.push(await inbox.take());
        seen.push(held.at(-1).body);
      }
    }
    same(seen, numbers, "all messages");
    same(await channel.queueDelete(queue), { messageCount: 0 }, "the queue at the end");
  });
}

export async function cancel() {
  await withConfirms(async (channel) => {
    const { queue } = await channel.queueDeclare({ queue: name("cancelled") });
    const chosen = await consume(channel, queue, { consumerTag: "a-tag", noAck: true });
    same(chosen.consumerTag, "a-tag", "the chosen tag");
    await send(channel, queue, "to the consumer");
    same((await chosen.inbox.take()).consumerTag, "a-tag", "the tag of the delivery");
    same(await channel.basicCancel("a-tag"), { consumerTag: "a-tag" }, "the answer to the cancel");
    await send(channel, queue, "to nobody");
    same(await look(channel, queue), { queue, messageCount: 1, consumerCount: 0 }, "the queue after the cancel");
    same(await chosen.inbox.waiting(), 0, "deliveries after the cancel");

    const given = await consume(channel, queue, { noAck: true });
    must(given.consumerTag.startsWith("amq.ctag-"), `the server chose the tag ${given.consumerTag}`);
    same((await given.inbox.take()).body, "to nobody", "the message that stayed");
    const cancelled = once(channel, "basic.cancel");
    await withChannel((other) => other.queueDelete(queue));
    const [tag, error] = await within(cancelled, "the report that the consumer was cancelled");
    same([tag, error.code], [given.consumerTag, "CANCEL_FORCED"], "the report");
  });
}

export async function replyTo() {
  await withConnection(async (asking) => {
    await withChannel(async (channel, answering) => {
      const queue = name("requests");
      const respond = (request, reply) => reply(`answer to ${request.body}`);
      const responder = answering.createConsumer({ queue, concurrency: 1 }, respond);
      await within(once(responder, "ready"), "the responder");

      const requester = asking.createRPCClient();
      const answers = new Inbox("an answer");
      for (let number = 1; number <= 10; number++) requester.send(queue, `request ${number}`).then(answers.put);
      for (let number = 1; number <= 10; number++) {
        const answer = await answers.take();
        same(answer.body, `answer to request ${number}`, "the next answer");
        must(answer.routingKey.startsWith("amq.rabbitmq.reply-to."), `its key ${answer.routingKey}`);
      }
      await within(requester.close(), "closing the requester");
      await within(responder.close(), "closing the responder");
      await channel.queueDelete(queue);
    });
  });
}
