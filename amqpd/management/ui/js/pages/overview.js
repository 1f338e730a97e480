// The broker at a glance.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { chart } from "../chart.js";
import { count, duration, octets } from "../format.js";
import { badge, facts, heading, page, section, table } from "../parts.js";
import { QUEUED, RATES, past, recordMessages } from "../rates.js";

const OBJECTS = [
  { name: "Connections", key: "connections", show: count },
  { name: "Channels", key: "channels", show: count },
  { name: "Consumers", key: "consumers", show: count },
];
const TILES = [
  ["Queues", "queues", "queues"],
  ["Connections", "connections", "connections"],
  ["Channels", "channels", "channels"],
  ["Consumers", "consumers", null],
  ["Exchanges", "exchanges", "exchanges"],
];

/** Every virtual host has exchanges: who sees none sees no virtual host. */
const SEES_NOTHING = html`<p class="muted">
  This user has permissions in no virtual host, so there is nothing to see. An administrator can grant some.
</p>`;

export function overview(app) {
  const key = `overview ${app.user.name}`;
  let now = null;
  let nodes = [];
  let points = [];

  async function load(signal) {
    now = await api.get(`/overview${past(key)}`, { signal });
    if (app.isMonitoring) nodes = await api.get("/nodes", { signal });
    points = recordMessages(key, now.message_stats, now.queue_totals, now.object_totals);
  }

  function view() {
    if (now === null) return page(heading("Overview"));
    const badges = html`${badge(`${now.product_name} ${now.product_version}`, "soft", "what clients see")}
      ${badge(`amqpd ${now.amqpd_version}`, "soft")}
      ${nodes.map((node) => [
        node.mem_alarm ? badge("memory alarm", "bad") : nothing,
        node.disk_free_alarm ? badge("disk alarm", "bad") : nothing,
      ])}`;
    return page(
      heading("Overview", { above: now.cluster_name, badges }),
      html`${now.object_totals.exchanges === 0 ? SEES_NOTHING : nothing}
      ${tiles(now)}
      <div class="charts">
        ${section("Messages in queues", chart("Messages in queues", QUEUED, points))}
        ${section("Message rates", chart("Message rates", RATES, points))}
        ${section("Clients", chart("Clients", OBJECTS, points))}
        ${section("Came and went", churn(now.churn_rates))}
      </div>
      ${nodes.map(nodeCard)}
      ${now.listeners ? section("Listeners", listeners(now.listeners)) : nothing}`,
    );
  }

  return { title: "Overview", load, view };
}

function tiles({ object_totals: objects, queue_totals: queued }) {
  const shown = [
    ["Messages", queued.messages, "queues"],
    ...TILES.map(([name, key, link]) => [name, objects[key], link]),
  ];
  return html`<ul class="tiles" aria-label="Totals">
    ${shown.map(([name, amount, link]) => {
      const content = html`<span class="tile-number">${count(amount)}</span><span class="tile-name">${name}</span>`;
      return html`<li>
        ${link ? html`<a class="tile" href="#/${link}">${content}</a>` : html`<div class="tile">${content}</div>`}
      </li>`;
    })}
  </ul>`;
}

function churn(counts = {}) {
  const known = [
    ["Connections", "connection_created", "connection_closed"],
    ["Channels", "channel_created", "channel_closed"],
    ["Queues", "queue_created", "queue_deleted"],
  ];
  return table(
    "What came and went since the start",
    [
      { label: "Kind", cell: ([name]) => name },
      { label: "Came", number: true, cell: ([, came]) => count(counts[came] ?? 0) },
      { label: "Went", number: true, cell: ([, , went]) => count(counts[went] ?? 0) },
    ],
    known,
    "",
  );
}

function nodeCard(node) {
  const free = node.disk_free - node.disk_free_limit;
  return section(
    "Node",
    html`${facts([
      ["Name", node.name],
      ["Uptime", duration(node.uptime)],
      ["Memory", gauge("Memory", node.mem_used, node.mem_limit)],
      ["File descriptors", node.fd_total ? gauge("File descriptors", node.fd_used, node.fd_total, count) : undefined],
      [
        "Free disk",
        html`${octets(node.disk_free)}
          <span class="muted">${free > 0 ? `${octets(free)} above the limit` : "below the limit"}</span>`,
      ],
      ["Data directory", node.db_dir || "none: everything is in memory"],
      ["Process", node.os_pid],
    ])}`,
  );
}

function gauge(name, used, limit, show = octets) {
  return html`<span class="gauge"><meter aria-label=${name} min="0" max=${limit || 1} high=${limit * 0.8} value=${used}></meter>
    <span>${show(used)} <span class="muted">of ${show(limit)}</span></span></span>`;
}

const listeners = (items) =>
  table(
    "Addresses on which the broker listens",
    [
      { label: "Protocol", cell: (each) => each.protocol },
      { label: "Address", cell: (each) => each.ip_address },
      { label: "Port", number: true, cell: (each) => each.port },
      { label: "TLS", cell: (each) => (each.tls ? "yes" : "no") },
    ],
    items,
    "It listens nowhere.",
  );
