import { must, rejection, same } from "../node/checks.js";
import { name } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { consume, look, openSession, text, withChannel, withConfirms } from "./client.js";

async function send(channel, queue, ...texts) {
  for (const each of texts) await channel.basicPublish("", queue, each);
}

/** What a got message says: its text, the messages behind it and whether it came before. */
const got = (message) => [text(message), message?.messageCount, message?.redelivered];

const keep = { noAck: false }; // the client takes messages without acknowledgement unless it is told

export async function get() {
  await withChannel(async (declaring, client) => {
    const queue = name("got");
    await declaring.queueDeclare(queue);
    const channel = await client.channel();
    same(await channel.basicGet(queue, keep), null, "a get from an empty queue");
    await send(channel, queue, "first", "second", "third");
    const first = await channel.basicGet(queue, keep);
    same(got(first), ["first", 2, false], "the first message");
    same([first.exchange, first.routingKey], ["", queue], "its exchange and key");
    await first.ack();
    same(got(await channel.basicGet(queue)), ["second", 1, false], "the second message");
    same(got(await channel.basicGet(queue, keep)), ["third", 0, false], "the third message");
    await channel.close();

    const again = await client.channel();
    const third = await again.basicGet(queue, keep);
    same(got(third), ["third", 0, true], "the third message on a new channel");
    await third.ack();
    await again.close();
    same(await declaring.queueDelete(queue), { messageCount: 0 }, "the queue at the end");
  });
}

export async function requeue() {
  await withChannel(async (declaring, client) => {
    const [queue, dead] = [name("requeued"), name("dead")];
    const limits = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead };
    await declaring.queueDeclare(queue, {}, limits);
    await declaring.queueDeclare(dead);
    const channel = await client.channel();
    await channel.prefetch(5);
    await send(channel, queue, "1", "2", "3", "4", "5");
    const { inbox } = await consume(channel, queue);
    const [one, two, three, four, five] = await inbox.takeMany(5);
    await one.reject(false);
    await two.nack(false);
    await four.nack(true);
    await five.ack();
    await three.reject(true);
    const back = await inbox.takeMany(2);
    same(back.map(text).sort(), ["3", "4"], "what comes again");
    same(back.map((each) => each.redelivered), [true, true], "redelivered");
    await back[1].ack(true);
    await channel.close();
    same(await declaring.queueDelete(queue), { messageCount: 0 }, "the queue at the end");
    await seeDead(declaring, dead, queue);
  });
}

/** See 1 and 2 in the dead-letter queue, as rejected. */
async function seeDead(channel, dead, queue) {
  const { inbox } = await consume(channel, dead, { noAck: true });
  for (const expectedText of ["1", "2"]) {
    const message = await inbox.take();
    same(text(message), expectedText, "the next dead letter");
    const { headers } = message.properties;
    const [death, ...earlier] = headers["x-death"];
    same(earlier, [], "earlier deaths");
    const { time, ...others } = death;
    const expected = { count: 1, reason: "rejected", queue, exchange: "", "routing-keys": [queue] };
    same(others, expected, `the death of ${expectedText}`);
    must(time instanceof Date && Math.abs(time - Date.now()) < 600_000, `its time: ${time}`);
    const first = ["queue", "reason", "exchange"].map((word) => headers[`x-first-death-${word}`]);
    same(first, [queue, "rejected", ""], "its first death");
  }
  await channel.queueDelete(dead);
}

export async function prefetch() {
  await withChannel(async (channel) => {
    const queue = name("prefetched");
    await channel.queueDeclare(queue);
    const numbers = Array.from({ length: 10 }, (_, index) => `${index + 1}`);
    await send(channel, queue, ...numbers);
    await channel.prefetch(3);
    const { inbox } = await consume(channel, queue);
    const held = await inbox.takeMany(3);
    const seen = held.map(text);
    while (held.length > 0) {
      const { messageCount } = await look(channel, queue); // once it is answered, nothing more is on its way
      same(messageCount, 10 - seen.length, "messages that are still in the queue");
      same(await inbox.waiting(), 0, "deliveries beyond the prefetch");
      await held.shift().ack();
      if (seen.length < 10) {
        held.push(await inbox.take());
        seen.push(text(held.at(-1)));
      }
    }
    same(seen, numbers, "all messages");
    same(await channel.queueDelete(queue), { messageCount: 0 }, "the queue at the end");
  });
}

export async function cancel() {
  await withConfirms(async (channel) => {
    const queue = name("cancelled");
    await channel.queueDeclare(queue);
    const chosen = await consume(channel, queue, { tag: "a-tag", noAck: true });
    same(chosen.consumer.tag, "a-tag", "the chosen tag");
    await send(channel, queue, "to the consumer");
    same((await chosen.inbox.take()).consumerTag, "a-tag", "the tag of the delivery");
    await channel.basicCancel("a-tag");
    await within(chosen.consumer.wait(), "the end of the cancelled consumer");
    await send(channel, queue, "to nobody");
    const seen = { name: queue, messageCount: 1, consumerCount: 0 };
    same(await look(channel, queue), seen, "the queue after the cancel");
    same(await chosen.inbox.waiting(), 0, "deliveries after the cancel");

    const given = await consume(channel, queue, { noAck: true });
    must(given.consumer.tag.startsWith("amq.ctag-"), `the server chose the tag ${given.consumer.tag}`);
    same(text(await given.inbox.take()), "to nobody", "the message that stayed");
    await withChannel((other) => other.queueDelete(queue));
    const error = await rejection(given.consumer.wait(), "the report that the consumer was cancelled");
    same(error.message, "Consumer cancelled by the server", "the report");
  });
}

export async function replyTo() {
  const queue = name("requests");
  const answering = await openSession();
  const responder = await answering.rpcServer(queue, (request) => `answer to ${text(request)}`);

  const asking = await openSession();
  const requester = await asking.rpcClient();
  const answers = new Inbox("an answer");
  for (let number = 1; number <= 10; number++) requester.call(queue, `request ${number}`).then(answers.put);
  for (let number = 1; number <= 10; number++) {
    const answer = await answers.take();
    same(text(answer), `answer to request ${number}`, "the next answer");
    must(answer.routingKey.startsWith("amq.rabbitmq.reply-to."), `its key ${answer.routingKey}`);
  }
  await within(requester.close(), "closing the requester");
  await within(asking.stop(), "closing the requester's connection");
  await within(responder.close(), "closing the responder");
  await (await answering.queue(queue)).delete();
  await within(answering.stop(), "closing the responder's connection");
}
