// One queue: how full it is and how fast, who consumes, what is bound, what waits in it, and what an operator can do.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { bind, bindings } from "../bindings.js";
import { chart } from "../chart.js";
import { confirm } from "../dialog.js";
import { count, many, share } from "../format.js";
import { Listing } from "../listing.js";
import { Browser } from "../messages.js";
import { notice } from "../notices.js";
import { badge, channelLink, connectionLink, facts, features, heading, page, pairs, section } from "../parts.js";
import { publish } from "../publish.js";
import { QUEUED, RATES, past, recordMessages } from "../rates.js";

export function queue(app, [vhost, name]) {
  const at = `/queues${api.path(vhost, name)}`;
  const key = `queue ${vhost} ${name}`;
  const browser = new Browser(app, vhost, name);
  const reload = () => app.reload();
  let now = null;
  let points = [];
  const bound = bindings(app, {
    caption: "Bindings to this queue",
    path: `${at}/bindings`,
    end: "source",
    none: "Nothing is bound to it.",
    inside: "bindings",
  });
  const consumers = new Listing(app, {
    caption: "Consumers of this queue",
    all: () => now.consumer_details ?? [],
    inside: "consumers",
    columns: CONSUMERS,
    key: (item) => `${item.channel_details.name} ${item.consumer_tag}`,
    nameOf: (item) => item.consumer_tag,
    none: "Nobody consumes from it.",
  });

  async function load(signal) {
    [now] = await Promise.all([api.get(`${at}${past(key)}`, { signal }), bound.load(signal)]);
    await consumers.load(signal);
    points = recordMessages(key, now.message_stats, now);
  }

  async function purge() {
    const gone = await confirm({
      title: `Purge ${name}?`,
      lost: html`All messages that wait in <strong>${name}</strong> are lost:
        <strong>${many(now.messages_ready + now.messages_delayed, "message")}</strong> as of now.
        ${now.messages_unacknowledged ? `${many(now.messages_unacknowledged, "unacknowledged message")} stay.` : ""}`,
      action: "Purge the queue",
      submit: () => api.remove(`${at}/contents`),
    });
    if (!gone) return;
    notice(`Queue ${name} is purged.`);
    browser.forget();
    reload();
  }

  async function remove() {
    const gone = await confirm({
      title: `Delete ${name}?`,
      lost: html`The ${now.type === "stream" ? "stream" : "queue"} <strong>${name}</strong> in virtual host
        <strong>${vhost}</strong> goes, with <strong>${many(now.messages, "message")}</strong>,
        ${many(now.consumers, "consumer")} and ${many(bound.total, "binding")}.`,
      action: "Delete the queue",
      submit: () => api.remove(at),
    });
    if (!gone) return;
    notice(`Queue ${name} is deleted.`);
    app.go(now.type === "stream" ? "#/streams" : "#/queues");
  }

  async function turn(action) {
    try {
      await api.post(`${at}/${action}`, {});
      notice(action === "pause" ? `Queue ${name} is paused: what comes in waits.` : `Queue ${name} delivers again.`);
    } catch (error) {
      notice(error.message);
    }
    reload();
  }

  async function newMessage() {
    if (await publish(vhost, "", { key: name, fixed: true, title: `Publish to queue ${name}` })) reload();
  }

  async function newBinding() {
    const exchanges = await api.names(`/exchanges${api.path(vhost)}`);
    bind(vhost, { queue: name, names: exchanges.filter(Boolean) }, reload);
  }

  const actions = () => html`<button @click=${newMessage}>Publish…</button>
    ${
      now.paused
        ? html`<button @click=${() => turn("resume")}>Resume</button>`
        : html`<button @click=${() => turn("pause")} title="stop deliveries; what comes in waits">Pause</button>`
    }
    ${now.type === "stream" ? "" : html`<button class="danger-text" @click=${purge}>Purge…</button>`}
    <button class="danger" @click=${remove}>Delete…</button>`;

  function view() {
    if (now === null) return page(heading(name, { above: "Queue" }));
    const head = heading(name, {
      above: html`${now.type === "stream" ? "Stream" : "Queue"} in ${vhost}`,
      badges: html`${badge(now.type, "type")} ${now.paused ? badge("paused", "warn") : badge(now.state, "good")} ${features(now)}`,
      actions: actions(),
    });
    return page(
      head,
      html`<div class="charts">
        ${section("Messages", chart("Messages in the queue", QUEUED, points))}
        ${section("Rates", chart("Message rates", RATES, points))}
      </div>
      ${browser.view(now)}
      <div class="charts">
        ${section("Facts", known(now))}
        ${section(
          "Arguments and policy",
          html`<h3>Arguments</h3>
            ${pairs(now.arguments)}
            <h3>In force by policy</h3>
            ${pairs(now.effective_policy_definition)}`,
        )}
      </div>
      ${section("Consumers", consumers.view())}
      ${section("Bindings", bound.view(), {
        actions: html`<button class="small" @click=${newBinding}>Bind…</button>`,
      })}`,
    );
  }

  return { title: `Queue ${name}`, load, view };
}

const known = (now) =>
  facts([
    ["Messages", count(now.messages)],
    ["Ready", count(now.messages_ready)],
    ["Unacknowledged", count(now.messages_unacknowledged)],
    ["Waiting for their next try", now.messages_delayed ? count(now.messages_delayed) : undefined],
    ["Dead letters on their way", now.messages_dlx ? count(now.messages_dlx) : undefined],
    ["Consumers", count(now.consumers)],
    ["Consumer capacity", now.consumers ? share(now.consumer_capacity) : undefined],
    ["Published so far", count(now.message_stats?.publish ?? 0)],
    ["Redelivered so far", count(now.message_stats?.redeliver ?? 0)],
    ["Delivery limit", now.delivery_limit],
    ["Active consumer", now.single_active_consumer_tag ?? undefined],
    ["Policy", now.policy ?? "none"],
    ["Operator policy", now.operator_policy ?? "none"],
    ["Belongs to", now.owner_pid_details ? connectionLink(now.owner_pid_details.name) : undefined],
    ["Positions of named readers", now.positions ? pairs(now.positions) : undefined],
  ]);

const CONSUMERS = [
  { label: "Consumer tag", cell: (item) => item.consumer_tag },
  { label: "Channel", cell: (item) => (item.channel_details.name ? channelLink(item.channel_details.name) : "–") },
  { label: "User", cell: (item) => item.channel_details.user ?? "–" },
  { label: "Acknowledges", cell: (item) => (item.ack_required ? "yes" : "no") },
  {
    label: "State",
    cell: (item) => badge(item.activity_status.replaceAll("_", " "), item.active ? "good" : "soft"),
  },
  { label: "Prefetch", number: true, cell: (item) => count(item.prefetch_count) },
  { label: "Arguments", cell: (item) => pairs(item.arguments) },
];
