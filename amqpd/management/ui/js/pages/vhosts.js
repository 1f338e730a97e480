// Virtual hosts.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { chart } from "../chart.js";
import { ask, confirm } from "../dialog.js";
import { check, choice, tags, text } from "../forms.js";
import { count, many } from "../format.js";
import { grants } from "../grants.js";
import { Listing } from "../listing.js";
import { notice } from "../notices.js";
import { badge, heading, page, rowButton, section } from "../parts.js";
import { QUEUED, RATES, past, recordMessages } from "../rates.js";

const TYPES = ["classic", "quorum", "stream"];
const UNSAID = "undefined"; // how the API calls a type that nobody has set

export function vhosts(app) {
  const listing = new Listing(app, {
    caption: "Virtual hosts",
    path: () => "/vhosts",
    byVhost: false,
    key: (item) => item.name,
    none: "There is none.",
    columns: [
      {
        label: "Name",
        sort: "name",
        cell: (item) => html`<a href="#/vhosts/${api.encode(item.name)}">${item.name}</a>`,
      },
      { label: "Description", cell: (item) => item.description || "–" },
      { label: "Tags", cell: (item) => (item.tags.length ? item.tags.map((each) => badge(each, "soft")) : "–") },
      { label: "Default type", cell: (item) => (item.default_queue_type === UNSAID ? "–" : item.default_queue_type) },
      { label: "Ready", sort: "messages_ready", number: true, cell: (item) => count(item.messages_ready) },
      {
        label: "Unacked",
        sort: "messages_unacknowledged",
        number: true,
        cell: (item) => count(item.messages_unacknowledged),
      },
      { label: "Protected", cell: (item) => (item.protected_from_deletion ? badge("protected", "good") : "no") },
      {
        label: "Actions",
        cell: (item) => html`<span class="row-actions">${actions(app, item)}</span>`,
      },
    ],
  });
  return {
    title: "Virtual hosts",
    load: (signal) => listing.load(signal),
    view: () =>
      html`${heading("Virtual hosts", {
        actions: html`<button class="primary" @click=${() => edit(app)}>New virtual host…</button>`,
      })}
      ${listing.view()}`,
  };
}

export function vhost(app, [name]) {
  const key = `vhost ${name}`;
  const granted = app.isAdministrator ? grants(app, { vhost: name }) : null;
  let now = null;
  let points = [];

  async function load(signal) {
    [now] = await Promise.all([api.get(`/vhosts${api.path(name)}${past(key)}`, { signal }), granted?.load(signal)]);
    points = recordMessages(key, now.message_stats, now);
  }

  function view() {
    if (now === null) return page(heading(name, { above: "Virtual host" }));
    const head = heading(name, {
      above: now.description ? `Virtual host: ${now.description}` : "Virtual host",
      badges: html`${now.protected_from_deletion ? badge("protected", "good") : ""}
        ${now.tracing ? badge("tracing", "warn") : ""} ${now.tags.map((each) => badge(each, "soft"))}`,
      actions: app.isAdministrator ? actions(app, now) : undefined,
    });
    const inside = ["queues", "streams", "exchanges", "connections", "channels"].map(
      (kind) => html`<a class="button" href="#/${kind}?vhost=${encodeURIComponent(name)}">${kind}</a>`,
    );
    return page(
      head,
      html`<nav class="actions" aria-label="In this virtual host">${inside}</nav>
        <div class="charts">
          ${section("Messages", chart("Messages in queues", QUEUED, points))}
          ${section("Rates", chart("Message rates", RATES, points))}
        </div>
        ${granted?.view()}`,
    );
  }

  return { title: `Virtual host ${name}`, load, view };
}

/** What an administrator can do with one. */
const actions = (app, item) => [
  rowButton("Edit…", item.name, () => edit(app, item)),
  rowButton(item.protected_from_deletion ? "Unprotect" : "Protect", item.name, () => protect(app, item)),
  rowButton("Delete…", item.name, () => remove(app, item), "danger-text"),
];

async function edit(app, item) {
  let name = item?.name;
  const said = item?.default_queue_type ?? UNSAID;
  const done = await ask({
    title: item ? `Edit virtual host ${name}` : "New virtual host",
    action: item ? "Save" : "Make it",
    body: () => html`${item ? "" : text("name", "Name", { required: true, autofocus: true })}
      ${text("description", "Description", { value: item?.description })}
      ${text("tags", "Tags", { value: item?.tags.join(", "), hint: "With commas in between." })}
      ${choice("type", "Type of queues that ask for none", said === UNSAID ? [[UNSAID, "as the broker has it"], ...TYPES] : TYPES, { value: said })}
      ${check("tracing", "Tracing: copies of all messages go to amq.rabbitmq.trace", { checked: item?.tracing })}`,
    submit: async (form) => {
      name ??= form.get("name");
      await api.put(`/vhosts${api.path(name)}`, {
        description: form.get("description"),
        tags: tags(form.get("tags")).join(","),
        default_queue_type: form.get("type"),
        tracing: form.has("tracing"),
      });
    },
  });
  if (!done) return;
  notice(
    item
      ? `Virtual host ${name} is changed.`
      : `Virtual host ${name} is there. Nobody has permissions in it but who made it.`,
  );
  app.reload();
}

async function protect(app, item) {
  const path = `/vhosts${api.path(item.name)}/deletion/protection`;
  try {
    await (item.protected_from_deletion ? api.remove(path) : api.post(path));
    notice(
      item.protected_from_deletion ? `${item.name} can be deleted.` : `${item.name} cannot be deleted by mistake.`,
    );
  } catch (error) {
    notice(error.message);
  }
  app.reload();
}

async function remove(app, { name, messages }) {
  const queues = await api.get(`/queues${api.path(name)}?page=1&page_size=1&disable_stats=true`);
  const gone = await confirm({
    title: `Delete virtual host ${name}?`,
    lost: html`Everything in <strong>${name}</strong> is lost: ${many(queues.total_count, "queue")} with
      <strong>${many(messages ?? 0, "message")}</strong>, all exchanges, bindings, policies and permissions. Its clients are cut off.`,
    action: "Delete the virtual host",
    submit: () => api.remove(`/vhosts${api.path(name)}`),
  });
  if (!gone) return;
  notice(`Virtual host ${name} is deleted.`);
  app.leave("#/vhosts");
}
