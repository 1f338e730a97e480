// Users, their passwords and tags.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { ask, confirm } from "../dialog.js";
import { check, tags, text } from "../forms.js";
import { count } from "../format.js";
import { grants } from "../grants.js";
import { Listing } from "../listing.js";
import { notice } from "../notices.js";
import { badge, facts, heading, page, pairs, rowButton, section } from "../parts.js";

const FEW = 5; // virtual hosts that a row names

function worksIn({ vhosts, vhost_count: all }) {
  if (all === 0) return badge("no virtual host", "warn");
  const more = all - vhosts.length;
  return html`${vhosts.map((each) => badge(each, "soft"))}
    ${more > 0 ? html`<span class="muted">and ${count(more)} more</span>` : ""}`;
}

const TAGS = "administrator, monitoring, policymaker or management open this page and the API; with commas in between.";

export function users(app) {
  const listing = new Listing(app, {
    caption: "Users",
    path: () => "/users",
    query: { vhosts: FEW },
    byVhost: false,
    key: (item) => item.name,
    none: "There are none.",
    columns: [
      {
        label: "Name",
        sort: "name",
        cell: (item) => html`<a href="#/users/${api.encode(item.name)}">${item.name}</a>`,
      },
      {
        label: "Tags",
        sort: "tags",
        cell: (item) => (item.tags.length ? item.tags.map((each) => badge(each, "soft")) : "–"),
      },
      {
        label: "Password",
        cell: (item) => (item.password_hash ? "set" : badge("none", "warn", "cannot log in with a password")),
      },
      { label: "Works in", cell: worksIn },
      {
        label: "Actions",
        cell: (item) => html`<span class="row-actions">
          ${rowButton("Edit…", item.name, () => edit(app, item))}
          ${rowButton("Delete…", item.name, () => remove(app, item), "danger-text")}</span>`,
      },
    ],
  });
  return {
    title: "Users",
    load: (signal) => listing.load(signal),
    view: () =>
      html`${heading("Users", { actions: html`<button class="primary" @click=${() => edit(app)}>New user…</button>` })}
      ${listing.view()}`,
  };
}

export function user(app, [name]) {
  const granted = grants(app, { user: name });
  let now = null;

  async function load(signal) {
    [now] = await Promise.all([api.get(`/users${api.path(name)}`, { signal }), granted.load(signal)]);
  }

  function view() {
    if (now === null) return page(heading(name, { above: "User" }));
    const head = heading(name, {
      above: "User",
      badges: now.tags.map((each) => badge(each, "soft")),
      actions: html`<button @click=${() => edit(app, now)}>Edit…</button>
        <button class="danger" @click=${() => remove(app, now)}>Delete…</button>`,
    });
    const known = facts([
      ["Password", now.password_hash ? "set" : "none: no login with one"],
      ["Its hash", now.password_hash ? now.hashing_algorithm : undefined],
      ["Limits", pairs(now.limits)],
    ]);
    return page(head, html`${section("Facts", known)} ${granted.view()}`);
  }

  return { title: `User ${name}`, load, view };
}

async function edit(app, item) {
  let name = item?.name;
  const done = await ask({
    title: item ? `Edit user ${name}` : "New user",
    action: item ? "Save" : "Make it",
    body: () => html`${item ? "" : text("name", "Name", { required: true, autofocus: true })}
      ${text("password", item ? "New password" : "Password", {
        type: "password",
        autocomplete: "new-password",
        hint: item ? "Left empty, the password stays." : "Left empty, there is none, and no login with one.",
      })}
      ${text("again", "The same again", { type: "password", autocomplete: "new-password" })}
      ${item ? check("none", "No password: no login with one") : ""}
      ${text("tags", "Tags", { value: item?.tags.join(", "), hint: TAGS })}`,
    submit: async (form) => {
      name ??= form.get("name");
      if (form.get("password") !== form.get("again")) throw new Error("The two passwords differ.");
      await api.put(`/users${api.path(name)}`, { tags: tags(form.get("tags")).join(","), ...secret(form, item) });
    },
  });
  if (!done) return;
  notice(item ? `User ${name} is changed.` : `User ${name} is there. It needs permissions to work anywhere.`);
  app.reload();
}

function secret(form, item) {
  if (form.get("password")) return { password: form.get("password") };
  if (item && !form.has("none"))
    return { password_hash: item.password_hash, hashing_algorithm: item.hashing_algorithm };
  return { password_hash: "" };
}

async function remove(app, { name }) {
  const own = name === app.user.name;
  const gone = await confirm({
    title: `Delete user ${name}?`,
    lost: html`The user <strong>${name}</strong> and all its permissions are lost; its connections are closed.
      ${own ? html`<strong>It is you: you are logged out.</strong>` : ""}`,
    action: "Delete the user",
    submit: () => api.remove(`/users${api.path(name)}`),
  });
  if (!gone) return;
  notice(`User ${name} is deleted.`);
  app.leave("#/users");
}
