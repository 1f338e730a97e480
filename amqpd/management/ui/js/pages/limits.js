// Limits of virtual hosts and users.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { ask, confirm } from "../dialog.js";
import { choice, text, whole } from "../forms.js";
import { count } from "../format.js";
import { Listing } from "../listing.js";
import { notice } from "../notices.js";
import { heading, page, rowButton, section } from "../parts.js";

const KINDS = {
  vhost: {
    title: "Virtual hosts",
    one: "virtual host",
    path: "/vhost-limits",
    names: ["max-connections", "max-queues"],
  },
  user: { title: "Users", one: "user", path: "/user-limits", names: ["max-connections", "max-channels"] },
};

const capital = (text) => text[0].toUpperCase() + text.slice(1);

export function limits(app) {
  const lists = { vhost: list("vhost"), user: list("user") };
  let found = {};

  async function load(signal) {
    const [vhost, user] = await Promise.all([
      api.get("/vhost-limits", { signal }),
      api.get("/user-limits", { signal }),
    ]);
    found = { vhost, user };
    await Promise.all([lists.vhost.load(signal), lists.user.load(signal)]);
  }

  const view = () => page(heading("Limits"), Object.keys(KINDS).map(part));

  function list(kind) {
    const { title, one } = KINDS[kind];
    return new Listing(app, {
      caption: `Limits of ${title.toLowerCase()}`,
      all: () =>
        found[kind].flatMap((item) => Object.entries(item.value).map(([name, value]) => ({ of: item[kind], name, value }))),
      inside: kind,
      key: (item) => JSON.stringify([item.of, item.name]),
      nameOf: (item) => item.of,
      none: "There are no limits.",
      columns: [
        { label: capital(one), cell: (item) => item.of },
        { label: "Limit", cell: (item) => item.name },
        { label: "At most", number: true, cell: (item) => (item.value < 0 ? "any number" : count(item.value)) },
        {
          label: "Actions",
          cell: (item) => html`<span class="row-actions">
          ${rowButton("Edit…", `${item.name} of ${item.of}`, () => set(kind, item))}
          ${rowButton("Clear…", `${item.name} of ${item.of}`, () => clear(kind, item), "danger-text")}</span>`,
        },
      ],
    });
  }

  function part(kind) {
    const { title, one } = KINDS[kind];
    return section(title, lists[kind].view(), {
      actions: html`<button class="small primary" @click=${() => set(kind)}>Limit a ${one}…</button>`,
    });
  }

  async function set(kind, item) {
    const { one, path, names } = KINDS[kind];
    const those = item ? [] : await api.names(kind === "vhost" ? "/vhosts" : "/users");
    const done = await ask({
      title: item ? `${item.name} of ${item.of}` : `Limit a ${one}`,
      action: "Save",
      body: () => html`${item ? "" : [choice("of", capital(one), those), choice("limit", "Limit", names)]}
        ${text("value", "At most", { value: item?.value ?? "", required: true, autofocus: true, hint: "A number; -1 is no limit." })}`,
      submit: (form) =>
        api.put(`${path}${api.path(item?.of ?? form.get("of"), item?.name ?? form.get("limit"))}`, {
          value: whole(form.get("value"), "The limit"),
        }),
    });
    tell(done, "The limit is in force.");
  }

  async function clear(kind, item) {
    const done = await confirm({
      title: "Clear this limit?",
      lost: html`<strong>${item.of}</strong> has no <strong>${item.name}</strong> any more.`,
      action: "Clear",
      submit: () => api.remove(`${KINDS[kind].path}${api.path(item.of, item.name)}`),
    });
    tell(done, "The limit is cleared.");
  }

  function tell(done, said) {
    if (!done) return;
    notice(said);
    app.reload();
  }

  return { title: "Limits", load, view };
}
