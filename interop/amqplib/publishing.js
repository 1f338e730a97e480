import { same } from "../node/checks.js";
import { headers, properties, timestamp } from "../node/content.js";
import { name } from "../node/environment.js";
import { Inbox, within } from "../node/waiting.js";
import { withConfirms } from "./client.js";

export async function confirms() {
  await withConfirms(async (channel) => {
    const { queue } = await channel.assertQueue(name("confirmed"));
    let acknowledged = 0;
    for (let number = 1; number <= 200; number++) {
      channel.sendToQueue(queue, Buffer.from(`${number}`), {}, (error) => {
        if (error === null) acknowledged++;
      });
    }
    await within(channel.waitForConfirms(), "200 confirms");
    same(acknowledged, 200, "acknowledged messages");
    same(await channel.deleteQueue(queue), { messageCount: 200 }, "the queue's messages");

    const full = name("full");
    await channel.assertQueue(full, { maxLength: 0, overflow: "reject-publish" });
    const nacks = new Inbox("a negative acknowledgement");
    channel.on("nack", nacks.put);
    const outcome = new Inbox("a confirm from the full queue");
    channel.sendToQueue(full, Buffer.from("too much"), {}, outcome.put);
    same((await outcome.take())?.message, "message nacked", "the confirm from the full queue");
    same((await nacks.take()).deliveryTag, 201, "the tag of the nack");
    await channel.deleteQueue(full);
  });
}

export async function mandatory() {
  await withConfirms(async (channel) => {
    const { queue } = await channel.assertQueue(name("routed"));
    const returns = new Inbox("a return");
    const order = [];
    channel.on("return", (message) => {
      order.push("return");
      returns.put(message);
    });
    const confirmed = new Inbox("a confirm");
    const body = Buffer.from("to nowhere");
    const options = { mandatory: true, ...properties, headers, timestamp };
    channel.sendToQueue(name("nowhere"), body, options, (error) => {
      order.push("confirm");
      confirmed.put(error);
    });
    const returned = await returns.take();
    same(await confirmed.take(), null, "the confirm of the returned message");
    same(order, ["return", "confirm"], "the order");
    const fields = { replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: name("nowhere") };
    same(returned.fields, fields, "the return");
    same(returned.properties, { ...properties, headers, timestamp, clusterId: undefined }, "its properties");
    same(returned.content.toString(), "to nowhere", "its body");

    channel.sendToQueue(queue, body, { mandatory: true }, confirmed.put);
    same(await confirmed.take(), null, "the confirm of the routed message");
    same(await returns.waiting(), 0, "returns of the routed message");
    same(await channel.deleteQueue(queue), { messageCount: 1 }, "the queue's messages");
  });
}
