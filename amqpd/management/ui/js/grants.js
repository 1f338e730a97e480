// What users may do in virtual hosts, and which routing keys they may use on topic exchanges.

import { html } from "../vendor/lit-html/lit-html.js";
import * as api from "./api.js";
import { ask, confirm } from "./dialog.js";
import { choice, text } from "./forms.js";
import { Listing } from "./listing.js";
import { notice } from "./notices.js";
import { rowButton, section } from "./parts.js";

const KINDS = [
  ["configure", "Configure"],
  ["write", "Write"],
  ["read", "Read"],
];
const KEYS = "A regular expression for the routing keys of what it publishes, and of its bindings.";
const PATTERN = "A regular expression for names: .* is all, an empty one none.";

/** `{load(signal), view()}`: two tables of permissions, of one user, in one virtual host, or all there are. */
export function grants(app, { user, vhost } = {}) {
  const pattern = (key) => (item) =>
    item[key] === "" ? html`<span class="muted">nothing</span>` : html`<code>${item[key]}</code>`;
  const actions = (set, clear) => ({
    label: "Actions",
    cell: (item) => html`<span class="row-actions">
      ${rowButton("Edit…", `${item.user} in ${item.vhost}`, () => set(item))}
      ${rowButton("Clear…", `${item.user} in ${item.vhost}`, () => clear(item), "danger-text")}</span>`,
  });
  const ends = [
    { label: "User", sort: "user", cell: (item) => html`<a href="#/users/${api.encode(item.user)}">${item.user}</a>` },
    { label: "Virtual host", sort: "vhost", cell: (item) => html`<a href="#/vhosts/${api.encode(item.vhost)}">${item.vhost}</a>` },
  ];

  const permissions = list("permissions", "Permissions", "Nobody may do anything.", [
    ...ends,
    { label: "Configure", sort: "configure", cell: pattern("configure") },
    { label: "Write", sort: "write", cell: pattern("write") },
    { label: "Read", sort: "read", cell: pattern("read") },
    actions(grant, revoke),
  ]);
  const topics = list("topic-permissions", "Topic permissions", "No routing key is restricted.", [
    ...ends,
    { label: "Exchange", sort: "exchange", cell: (item) => item.exchange || "(default exchange)" },
    { label: "Write", sort: "write", cell: pattern("write") },
    { label: "Read", sort: "read", cell: pattern("read") },
    actions(grantTopic, revokeTopic),
  ]);

  function list(kind, caption, none, columns) {
    const all = `/${kind}`;
    const below = user === undefined ? vhost !== undefined && `/vhosts${api.path(vhost)}` : `/users${api.path(user)}`;
    return new Listing(app, {
      caption,
      path: () => (below ? `${below}${all}` : all),
      inside: kind,
      key: (item) => JSON.stringify([item.user, item.vhost, item.exchange]),
      nameOf: (item) => item.user,
      none,
      columns,
    });
  }

  async function load(signal) {
    await Promise.all([permissions.load(signal), topics.load(signal)]);
  }

  const view = () =>
    html`${section("Permissions in virtual hosts", permissions.view(), {
      actions: html`<button class="small primary" @click=${() => grant()}>Grant…</button>`,
    })}
    ${section("Permissions on topic exchanges", topics.view(), {
      actions: html`<button class="small" @click=${() => grantTopic()}>Restrict…</button>`,
    })}`;

  /** Who can be chosen, once somebody wants to. */
  const choices = async () => ({
    users: user === undefined ? await api.names("/users") : [user],
    vhosts: vhost === undefined ? await api.names("/vhosts") : [vhost],
  });

  const who = (item, { users, vhosts } = {}) =>
    item
      ? html`<p><strong>${item.user}</strong> in virtual host <strong>${item.vhost}</strong>
          ${item.exchange === undefined ? "" : html`on exchange <strong>${item.exchange}</strong>`}</p>`
      : html`${choice("user", "User", users)} ${choice("vhost", "Virtual host", vhosts)}`;

  async function grant(item) {
    const offered = item ? undefined : await choices();
    const done = await ask({
      title: item ? "Change permissions" : "Grant permissions",
      action: "Save",
      body: () => html`${who(item, offered)}
        ${KINDS.map(([name, label]) => text(name, label, { value: item ? item[name] : ".*", hint: PATTERN }))}`,
      submit: (form) =>
        api.put(`/permissions${api.path(item?.vhost ?? form.get("vhost"), item?.user ?? form.get("user"))}`, {
          configure: form.get("configure"),
          write: form.get("write"),
          read: form.get("read"),
        }),
    });
    tell(done, "The permissions are in force.");
  }

  async function revoke(item) {
    const done = await confirm({
      title: "Clear these permissions?",
      lost: html`<strong>${item.user}</strong> may do nothing in virtual host <strong>${item.vhost}</strong> any more.`,
      action: "Clear",
      submit: () => api.remove(`/permissions${api.path(item.vhost, item.user)}`),
    });
    tell(done, "The permissions are cleared.");
  }

  async function grantTopic(item) {
    const offered = item ? undefined : await choices();
    const done = await ask({
      title: item ? "Change topic permissions" : "Restrict routing keys",
      action: "Save",
      body: () => html`${who(item, offered)}${item ? "" : text("exchange", "Exchange", { value: "amq.topic", required: true })}
        ${text("write", "Write", { value: item?.write ?? ".*", hint: KEYS })}
        ${text("read", "Read", { value: item?.read ?? ".*", hint: KEYS })}`,
      submit: (form) =>
        api.put(`/topic-permissions${api.path(item?.vhost ?? form.get("vhost"), item?.user ?? form.get("user"))}`, {
          exchange: item?.exchange ?? form.get("exchange"),
          write: form.get("write"),
          read: form.get("read"),
        }),
    });
    tell(done, "The topic permissions are in force.");
  }

  async function revokeTopic(item) {
    const done = await confirm({
      title: "Clear these topic permissions?",
      lost: html`<strong>${item.user}</strong> may use any routing key on exchange <strong>${item.exchange}</strong> in
        <strong>${item.vhost}</strong>.`,
      action: "Clear",
      submit: () => api.remove(`/topic-permissions${api.path(item.vhost, item.user, item.exchange)}`),
    });
    tell(done, "The topic permissions are cleared.");
  }

  function tell(done, text) {
    if (!done) return;
    notice(text);
    app.reload();
  }

  return { load, view };
}
