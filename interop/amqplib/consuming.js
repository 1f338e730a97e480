import { must, same } from "../node/checks.js";
import { name } from "../node/environment.js";
import { within } from "../node/waiting.js";
import { consume, withChannel, withConfirms, withConnection } from "./client.js";

const send = (channel, queue, ...texts) => texts.forEach((text) => channel.sendToQueue(queue, Buffer.from(text)));

/** What a got message says: its text, the messages behind it and whether it came before. */
const got = ({ content, fields: { messageCount, redelivered } }) => [content.toString(), messageCount, redelivered];

export async function get() {
  await withChannel(async (declaring, connection) => {
    const { queue } = await declaring.assertQueue(name("got"));
    const channel = await connection.createChannel();
    same(await channel.get(queue), false, "a get from an empty queue");
    send(channel, queue, "first", "second", "third");
    const first = await channel.get(queue);
    same(got(first), ["first", 2, false], "the first message");
    same([first.fields.exchange, first.fields.routingKey], ["", queue], "its exchange and key");
    channel.ack(first);
    same(got(await channel.get(queue, { noAck: true })), ["second", 1, false], "the second message");
    same(got(await channel.get(queue)), ["third", 0, false], "the third message");
    await channel.close();

    const again = await connection.createChannel();
    const third = await again.get(queue);
    same(got(third), ["third", 0, true], "the third message on a new channel");
    again.ack(third);
    await again.close();
    same(await declaring.deleteQueue(queue), { messageCount: 0 }, "the queue at the end");
  });
}

export async function requeue() {
  await withChannel(async (declaring, connection) => {
    const { queue } = await declaring.assertQueue(name("requeued"), {
      deadLetterExchange: "",
      deadLetterRoutingKey: name("dead"),
    });
    await declaring.assertQueue(name("dead"));
    const channel = await connection.createChannel();
    await channel.prefetch(5);
    send(channel, queue, "1", "2", "3", "4", "5");
    const { inbox } = await consume(channel, queue);
    const [one, two, three, four, five] = await inbox.takeMany(5);
    channel.reject(one, false);
    channel.nack(two, false, false);
    channel.nack(four, false, true);
    channel.ack(five);
    channel.reject(three, true);
    const back = await inbox.takeMany(2);
    same(back.map((each) => each.content.toString()).sort(), ["3", "4"], "what comes again");
    same(back.map((each) => each.fields.redelivered), [true, true], "redelivered");
    channel.ack(back[1], true);
    await channel.close();
    same(await declaring.deleteQueue(queue), { messageCount: 0 }, "the queue at the end");
    await dead(declaring, queue);
  });
}

/** See 1 and 2 in the dead-letter queue, as rejected. */
async function dead(channel, queue) {
  const { inbox } = await consume(channel, name("dead"), { noAck: true });
  for (const text of ["1", "2"]) {
    const message = await inbox.take();
    same(message.content.toString(), text, "the next dead letter");
    const [death, ...earlier] = message.properties.headers["x-death"];
    same(earlier, [], "earlier deaths");
    const { time, ...others } = death;
    const expected = { count: 1, reason: "rejected", queue, exchange: "", "routing-keys": [queue] };
    same(others, expected, `the death of ${text}`);
    same([time["!"], Math.abs(time.value - Date.now() / 1000) < 600], ["timestamp", true], "its time");
    const first = ["queue", "reason", "exchange"].map((word) => message.properties.headers[`x-first-death-${word}`]);
    same(first, [queue, "rejected", ""], "its first death");
  }
  await channel.deleteQueue(name("dead"));
}

export async function prefetch() {
  await withChannel(async (channel) => {
    const { queue } = await channel.assertQueue(name("prefetched"));
    const numbers = Array.from({ length: 10 }, (_, index) => `${index + 1}`);
    send(channel, queue, ...numbers);
    await channel.prefetch(3);
    const { inbox } = await consume(channel, queue);
    const held = await inbox.takeMany(3);
    const seen = held.map((each) => each.content.toString());
    while (held.length > 0) {
      const { messageCount } = await channel.checkQueue(queue); // once it is answered, nothing more is on its way
      same(messageCount, 10 - seen.length, "messages that are still in the queue");
      same(await inbox.waiting(), 0, "deliveries beyond the prefetch");
      channel.ack(held.shift());
      if (seen.length < 10) {
        held.push(await inbox.take());
        seen.push(held.at(-1).content.toString());
      }
    }
    same(seen, numbers, "all messages");
    same(await channel.deleteQueue(queue), { messageCount: 0 }, "the queue at the end");
  });
}

export async function cancel() {
  await withConfirms(async (channel) => {
    const { queue } = await channel.assertQueue(name("cancelled"));
    const chosen = await consume(channel, queue, { consumerTag: "a-tag", noAck: true });
    same(chosen.consumerTag, "a-tag", "the chosen tag");
    send(channel, queue, "to the consumer");
    same((await chosen.inbox.take()).fields.consumerTag, "a-tag", "the tag of the delivery");
    same(await channel.cancel("a-tag"), { consumerTag: "a-tag" }, "the answer to the cancel");
    send(channel, queue, "to nobody");
    await within(channel.waitForConfirms(), "the confirms");
    same(await channel.checkQueue(queue), { queue, messageCount: 1, consumerCount: 0 }, "the queue after the cancel");
    same(await chosen.inbox.waiting(), 0, "deliveries after the cancel");

    const given = await consume(channel, queue, { noAck: true });
    must(given.consumerTag.startsWith("amq.ctag-"), `the server chose the tag ${given.consumerTag}`);
    same((await given.inbox.take()).content.toString(), "to nobody", "the message that stayed");
    await withChannel((other) => other.deleteQueue(queue));
    same(await given.inbox.take(), null, "the report that the consumer was cancelled");
  });
}

export async function replyTo() {
  await withChannel(async (asking) => {
    await withConnection(async (connection) => {
      const answering = await connection.createChannel();
      const { queue } = await answering.assertQueue(name("requests"));
      const respond = (request) => {
        if (request === null) return; // the queue is deleted at the end
        const { replyTo, correlationId } = request.properties;
        answering.sendToQueue(replyTo, Buffer.from(`answer to ${request.content}`), { correlationId });
      };
      await answering.consume(queue, respond, { noAck: true });

      const { inbox } = await consume(asking, "amq.rabbitmq.reply-to", { noAck: true });
      for (let number = 1; number <= 10; number++) {
        const options = { replyTo: "amq.rabbitmq.reply-to", correlationId: `${number}` };
        asking.sendToQueue(queue, Buffer.from(`request ${number}`), options);
      }
      for (let number = 1; number <= 10; number++) {
        const answer = await inbox.take();
        same(answer.content.toString(), `answer to request ${number}`, "the next answer");
        same(answer.properties.correlationId, `${number}`, "its correlation-id");
        must(answer.fields.routingKey.startsWith("amq.rabbitmq.reply-to."), `its key ${answer.fields.routingKey}`);
      }
      await within(answering.deleteQueue(queue), "deleting the queue");
    });
  });
}
