// Connections, and one of them.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { chart } from "../chart.js";
import { ask } from "../dialog.js";
import { text } from "../forms.js";
import { count, many, moment, octets } from "../format.js";
import { Listing } from "../listing.js";
import { notice } from "../notices.js";
import { badge, channelLink, connectionLink, facts, heading, page, pairs, section } from "../parts.js";
import { begin, past, rate, record } from "../rates.js";

const BYTES = [
  { name: "From the client", key: "received", show: (value) => `${octets(value)}/s` },
  { name: "To the client", key: "sent", show: (value) => `${octets(value)}/s` },
];

export const state = (given) =>
  badge(given, { running: "good", blocked: "bad", blocking: "warn", flow: "warn" }[given] ?? "soft");

const traffic = (item) => ({
  received: rate(`connection ${item.name} in`, item.recv_oct ?? 0),
  sent: rate(`connection ${item.name} out`, item.send_oct ?? 0),
});
const perSecond = (value) => (value === undefined ? "–" : `${octets(value)}/s`);

export function connections(app) {
  const listing = new Listing(app, {
    caption: "Connections",
    path: (vhost) => (vhost === "" ? "/connections" : `/vhosts${api.path(vhost)}/connections`),
    key: (item) => item.name,
    none: "No client is connected.",
    loaded: (items) => items.forEach((item) => (item.traffic = traffic(item))),
    columns: [
      {
        label: "Name",
        sort: "name",
        cell: (item) =>
          html`${connectionLink(item.name)}
            ${item.user_provided_name ? html`<span class="muted under">${item.user_provided_name}</span>` : ""}`,
      },
      { label: "Virtual host", sort: "vhost", cell: (item) => item.vhost ?? "–" },
      { label: "User", sort: "user", cell: (item) => item.user ?? "–" },
      { label: "State", sort: "state", cell: (item) => state(item.state) },
      { label: "Node", sort: "node", more: true, cell: (item) => item.node },
      {
        label: "Since",
        sort: "connected_at",
        number: true,
        more: true,
        cell: (item) => (item.connected_at ? moment(item.connected_at) : "–"),
      },
      { label: "Protocol", sort: "protocol", more: true, cell: (item) => item.protocol ?? "–" },
      { label: "Client", more: true, cell: (item) => item.client_properties?.product ?? "–" },
      { label: "TLS", sort: "ssl", cell: (item) => (item.ssl ? "yes" : "no") },
      { label: "Channels", sort: "channels", number: true, cell: (item) => count(item.channels) },
      { label: "From client", sort: "recv_oct", number: true, cell: (item) => perSecond(item.traffic?.received) },
      { label: "To client", sort: "send_oct", number: true, cell: (item) => perSecond(item.traffic?.sent) },
    ],
  });
  return {
    title: "Connections",
    load: (signal) => listing.load(signal),
    view: () => html`${heading("Connections")}${listing.view()}`,
  };
}

export function connection(app, [name]) {
  const at = `/connections${api.path(name)}`;
  const key = `connection ${name}`;
  let now = null;
  let channels = [];
  let points = [];
  const shown = new Listing(app, {
    caption: "Channels of this connection",
    all: () => channels,
    inside: "channels",
    columns: CHANNELS,
    key: (item) => item.name,
    none: "No channel is open.",
  });

  async function load(signal) {
    [now, channels] = await Promise.all([
      api.get(`${at}${past(key)}`, { signal }),
      api.get(`${at}/channels`, { signal }),
    ]);
    await shown.load(signal);
    begin(key, { received: now.recv_oct_details, sent: now.send_oct_details });
    points = record(key, traffic(now));
  }

  async function close() {
    const closed = await ask({
      title: "Close this connection?",
      danger: true,
      body: () => html`<p>The client at <strong>${name}</strong>${now.user_provided_name ? html` (${now.user_provided_name})` : ""} is
        cut off: ${many(channels.length, "channel")} with all consumers end, exclusive queues with their messages are deleted, and
        what is unacknowledged goes back to its queues.</p>
        ${text("reason", "Reason", { hint: "The client and its log are told; in letters that a header may have." })}`,
      action: "Close the connection",
      submit: (form) => {
        const reason = form.get("reason").trim();
        if (!/^[\x20-\x7e]*$/.test(reason)) throw new Error(`The reason is “${reason}”: expected ASCII characters.`);
        return api.remove(at, reason ? { "x-reason": reason } : undefined);
      },
    });
    if (!closed) return;
    notice(`Connection ${name} is closed.`);
    app.go("#/connections");
  }

  function view() {
    if (now === null) return page(heading(name, { above: "Connection" }));
    const head = heading(name, {
      above: "Connection",
      badges: html`${state(now.state)} ${now.ssl ? badge("TLS", "good") : badge("no TLS", "soft")}`,
      actions: html`<button class="danger" @click=${close}>Close…</button>`,
    });
    return page(
      head,
      html`<div class="charts">
        ${section("Traffic", chart("Octets in one second", BYTES, points))}
        ${section(
          "Facts",
          facts([
            ["User", now.user ?? "–"],
            ["Virtual host", now.vhost ?? "–"],
            ["Given name", now.user_provided_name],
            ["Connected since", moment(now.connected_at)],
            ["Protocol", now.protocol],
            ["Login by", now.auth_mechanism ?? "–"],
            ["Heartbeat", now.timeout ? `${now.timeout} s` : "off"],
            ["Largest frame", octets(now.frame_max)],
            ["Received", octets(now.recv_oct)],
            ["Sent", octets(now.send_oct)],
          ]),
        )}
      </div>
      ${section("Channels", shown.view())}
      ${section("What the client says of itself", pairs(now.client_properties))}`,
    );
  }

  return { title: `Connection ${name}`, load, view };
}

const CHANNELS = [
  { label: "Channel", cell: (item) => channelLink(item.name) },
  { label: "Mode", cell: (item) => (item.confirm ? "confirms" : item.transactional ? "transactions" : "–") },
  { label: "Consumers", number: true, cell: (item) => count(item.consumer_count) },
  { label: "Prefetch", number: true, cell: (item) => count(item.prefetch_count) },
  { label: "Unacked", number: true, cell: (item) => count(item.messages_unacknowledged) },
];
