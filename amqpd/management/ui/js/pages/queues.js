// Queues, and those of them that are streams.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { ask } from "../dialog.js";
import { Table, check, choice, text } from "../forms.js";
import { count, octets, rate } from "../format.js";
import { Listing, inVhost } from "../listing.js";
import { notice } from "../notices.js";
import { badge, features, heading, queueLink } from "../parts.js";
import { COUNTERS, rates } from "../rates.js";

export const ARGUMENTS = {
  "x-message-ttl": "number",
  "x-expires": "number",
  "x-max-length": "number",
  "x-max-length-bytes": "number",
  "x-overflow": "text",
  "x-dead-letter-exchange": "text",
  "x-dead-letter-routing-key": "text",
  "x-dead-letter-strategy": "text",
  "x-delivery-limit": "number",
  "x-delayed-retry-type": "text",
  "x-delayed-retry-min": "number",
  "x-delayed-retry-max": "number",
  "x-max-priority": "number",
  "x-single-active-consumer": "boolean",
  "x-consumer-timeout": "number",
  "x-message-expiry": "text",
  "x-max-age": "text",
  "x-stream-max-segment-size-bytes": "number",
};

export const queues = (app) => page(app, { title: "Queues", none: "There are no queues.", type: "classic" });

export const streams = (app) =>
  page(app, { title: "Streams", none: "There are no streams.", type: "stream", query: { type: "stream" } });

function page(app, { title, none, type, query = {} }) {
  const listing = new Listing(app, {
    caption: title,
    path: inVhost("queues"),
    query,
    key: (item) => JSON.stringify([item.vhost, item.name]),
    none,
    loaded: (items) => items.forEach((item) => (item.rates = queueRates(item))),
    columns: [
      { label: "Name", sort: "name", cell: (item) => queueLink(item.vhost, item.name) },
      { label: "Virtual host", sort: "vhost", cell: (item) => item.vhost },
      { label: "Type", sort: "type", cell: (item) => badge(item.type, "type") },
      { label: "Features", cell: (item) => [item.paused ? badge("paused", "warn") : "", ...features(item)] },
      { label: "State", sort: "state", more: true, cell: (item) => item.state },
      { label: "Messages", sort: "messages", number: true, more: true, cell: (item) => count(item.messages) },
      { label: "Octets", sort: "message_bytes", number: true, more: true, cell: (item) => octets(item.message_bytes) },
      { label: "Ready", sort: "messages_ready", number: true, cell: (item) => count(item.messages_ready) },
      {
        label: "Unacked",
        sort: "messages_unacknowledged",
        number: true,
        cell: (item) => count(item.messages_unacknowledged),
      },
      { label: "Consumers", sort: "consumers", number: true, cell: (item) => count(item.consumers) },
      { label: "In", sort: "message_stats.publish", number: true, cell: (item) => rate(item.rates?.publish) },
      { label: "Out", sort: "message_stats.deliver_get", number: true, cell: (item) => rate(item.rates?.deliver_get) },
      { label: "Ack", sort: "message_stats.ack", number: true, cell: (item) => rate(item.rates?.ack) },
    ],
  });
  const one = type === "stream" ? "stream" : "queue";
  return {
    title,
    load: (signal) => listing.load(signal),
    view: () =>
      html`${heading(title, { actions: html`<button class="primary" @click=${() => declare(app, one, type)}>New ${one}…</button>` })}
      ${listing.view()}`,
  };
}

const queueRates = (item) => rates(`queue ${item.vhost} ${item.name}`, item.message_stats, COUNTERS);

async function declare(app, one, type) {
  const vhosts = await api.names("/vhosts");
  const table = new Table("Arguments", ARGUMENTS);
  let name = "";
  const made = await ask({
    title: `New ${one}`,
    action: "Make it",
    body: (update) => html`${choice("vhost", "Virtual host", vhosts, { value: app.query.vhost })}
      ${text("name", "Name", { required: true, autofocus: true })}
      ${choice(
        "type",
        "Type",
        [
          ["classic", "classic"],
          ["quorum", "quorum: counts deliveries"],
          ["stream", "stream: is read again and again"],
        ],
        { value: type },
      )}
      ${check("durable", "Durable: it survives a restart", { checked: true })}
      ${check("auto_delete", "Auto-delete: it goes with its last consumer")}
      ${table.view(update)}`,
    submit: async (form) => {
      name = form.get("name");
      await api.put(`/queues${api.path(form.get("vhost"), name)}`, {
        durable: form.has("durable"),
        auto_delete: form.has("auto_delete"),
        arguments: { "x-queue-type": form.get("type"), ...table.read() },
      });
    },
  });
  if (!made) return;
  notice(`${one === "queue" ? "Queue" : "Stream"} ${name} is there.`);
  app.reload();
}
