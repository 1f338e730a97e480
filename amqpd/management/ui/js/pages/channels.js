// Channels, and one of them.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { chart } from "../chart.js";
import { count, rate } from "../format.js";
import { Listing } from "../listing.js";
import { badge, channelLink, connectionLink, facts, heading, page, queueLink, section } from "../parts.js";
import { COUNTERS, RATES, past, rates, recordMessages } from "../rates.js";

const mode = (item) => [
  item.confirm ? badge("confirms", "soft") : "",
  item.transactional ? badge("transactions", "soft") : "",
];

export function channels(app) {
  const listing = new Listing(app, {
    caption: "Channels",
    path: (vhost) => (vhost === "" ? "/channels" : `/vhosts${api.path(vhost)}/channels`),
    key: (item) => item.name,
    none: "No channel is open.",
    loaded: (items) =>
      items.forEach((item) => (item.rates = rates(`channel ${item.name}`, item.message_stats, COUNTERS))),
    columns: [
      { label: "Channel", sort: "name", cell: (item) => channelLink(item.name) },
      { label: "Virtual host", sort: "vhost", cell: (item) => item.vhost },
      { label: "User", sort: "user", cell: (item) => item.user },
      { label: "Mode", cell: (item) => (item.confirm || item.transactional ? mode(item) : "–") },
      { label: "Consumers", sort: "consumer_count", number: true, cell: (item) => count(item.consumer_count) },
      { label: "Prefetch", sort: "prefetch_count", number: true, cell: (item) => count(item.prefetch_count) },
      {
        label: "Unacked",
        sort: "messages_unacknowledged",
        number: true,
        cell: (item) => count(item.messages_unacknowledged),
      },
      { label: "Publish", sort: "message_stats.publish", number: true, cell: (item) => rate(item.rates?.publish) },
      {
        label: "Deliver",
        sort: "message_stats.deliver_get",
        number: true,
        cell: (item) => rate(item.rates?.deliver_get),
      },
      { label: "Ack", sort: "message_stats.ack", number: true, cell: (item) => rate(item.rates?.ack) },
    ],
  });
  return {
    title: "Channels",
    load: (signal) => listing.load(signal),
    view: () => html`${heading("Channels")}${listing.view()}`,
  };
}

export function channel(app, [name]) {
  const key = `channel ${name}`;
  let now = null;
  let points = [];
  const consumers = new Listing(app, {
    caption: "Consumers of this channel",
    all: () => now.consumer_details ?? [],
    inside: "consumers",
    columns: CONSUMERS,
    key: (item) => item.consumer_tag,
    nameOf: (item) => item.consumer_tag,
    none: "It has no consumers.",
  });

  async function load(signal) {
    now = await api.get(`/channels${api.path(name)}${past(key)}`, { signal });
    await consumers.load(signal);
    points = recordMessages(key, now.message_stats);
  }

  function view() {
    if (now === null) return page(heading(name, { above: "Channel" }));
    return page(
      heading(name, { above: "Channel", badges: mode(now) }),
      html`<div class="charts">
        ${section("Message rates", chart("Message rates", RATES, points))}
        ${section(
          "Facts",
          facts([
            ["Connection", connectionLink(now.connection_details.name)],
            ["User", now.user],
            ["Virtual host", now.vhost],
            ["Prefetch of a consumer", count(now.prefetch_count)],
            ["Prefetch of the channel", count(now.global_prefetch_count)],
            ["Unacknowledged", count(now.messages_unacknowledged)],
            ["Unconfirmed", count(now.messages_unconfirmed)],
            ["Uncommitted", count(now.messages_uncommitted)],
          ]),
        )}
      </div>
      ${section("Consumers", consumers.view())}`,
    );
  }

  return { title: `Channel ${name}`, load, view };
}

const CONSUMERS = [
  { label: "Consumer tag", cell: (item) => item.consumer_tag },
  { label: "Queue", cell: (item) => queueLink(item.queue.vhost, item.queue.name) },
  { label: "Acknowledges", cell: (item) => (item.ack_required ? "yes" : "no") },
  {
    label: "State",
    cell: (item) => badge(item.activity_status.replaceAll("_", " "), item.active ? "good" : "soft"),
  },
  { label: "Prefetch", number: true, cell: (item) => count(item.prefetch_count) },
];
