// Policies and operator policies: what they match, and what they set.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { ask, confirm } from "../dialog.js";
import { Table, choice, text, whole } from "../forms.js";
import { Listing, inVhost } from "../listing.js";
import { notice } from "../notices.js";
import { heading, page, pairs, rowButton, section } from "../parts.js";

const KEYS = {
  "message-ttl": "number",
  expires: "number",
  "max-length": "number",
  "max-length-bytes": "number",
  overflow: "text",
  "dead-letter-exchange": "text",
  "dead-letter-routing-key": "text",
  "dead-letter-strategy": "text",
  "delivery-limit": "number",
  "consumer-timeout": "number",
  "max-age": "text",
  "alternate-exchange": "text",
  "message-expiry": "text",
};
const LIMITS = {
  "message-ttl": "number",
  expires: "number",
  "max-length": "number",
  "max-length-bytes": "number",
  "delivery-limit": "number",
};
const TARGETS = ["all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"];

const COLUMNS = [
  { label: "Name", sort: "name", cell: (item) => item.name },
  { label: "Virtual host", sort: "vhost", cell: (item) => item.vhost },
  { label: "Pattern", sort: "pattern", cell: (item) => html`<code>${item.pattern}</code>` },
  { label: "Applies to", sort: "apply-to", cell: (item) => item["apply-to"].replaceAll("_", " ") },
  { label: "Definition", cell: (item) => pairs(item.definition) },
  { label: "Priority", sort: "priority", number: true, cell: (item) => item.priority },
];
const PATTERN = "A regular expression that names match: ^orders\\.";
const PRIORITY = "Of several that match, the one with the highest is in force.";

export function policies(app) {
  const ordinary = list("policies", "Policies", true);
  const operators = list("operator-policies", "Operator policies", app.isAdministrator);

  async function load(signal) {
    await Promise.all([ordinary.load(signal), operators.load(signal)]);
  }

  const view = () =>
    page(
      heading("Policies"),
      html`<p class="lead">
        A policy sets what matching queues and exchanges do, without declaring them anew. An operator policy lowers limits
        that users set.
      </p>
      ${section("Policies", ordinary.view(), { actions: add("policies", "policy") })}
      ${section("Operator policies", operators.view(), {
        actions: app.isAdministrator ? add("operator-policies", "operator policy") : undefined,
      })}`,
    );

  const add = (kind, one) =>
    html`<button class="small primary" @click=${() => edit(kind)}>New ${one}…</button>`;

  function list(kind, caption, mayChange) {
    const actions = {
      label: "Actions",
      cell: (item) => html`<span class="row-actions">
        ${rowButton("Edit…", item.name, () => edit(kind, item))}
        ${rowButton("Delete…", item.name, () => remove(kind, item), "danger-text")}</span>`,
    };
    return new Listing(app, {
      caption,
      path: inVhost(kind),
      inside: kind,
      key: (item) => JSON.stringify([item.vhost, item.name]),
      none: "There are none.",
      columns: mayChange ? [...COLUMNS, actions] : COLUMNS,
    });
  }

  const ends = (vhosts) =>
    html`${choice("vhost", "Virtual host", vhosts)} ${text("name", "Name", { required: true, autofocus: true })}`;

  async function edit(kind, item) {
    const editor = new Table("Definition", kind === "policies" ? KEYS : LIMITS, item?.definition);
    const what = kind === "policies" ? "policy" : "operator policy";
    const vhosts = item ? [] : await api.names("/vhosts");
    let name = item?.name;
    const done = await ask({
      title: item ? `Edit ${what} ${name}` : `New ${what}`,
      action: "Save",
      wide: true,
      body: (update) => html`${item ? html`<p>In virtual host <strong>${item.vhost}</strong></p>` : ends(vhosts)}
        ${text("pattern", "Pattern", { value: item?.pattern ?? "", required: true, hint: PATTERN })}
        ${choice(
          "apply-to",
          "Applies to",
          TARGETS.map((each) => [each, each.replaceAll("_", " ")]),
          { value: item?.["apply-to"] ?? "all" },
        )}
        ${text("priority", "Priority", { value: item?.priority ?? 0, hint: PRIORITY })}
        ${editor.view(update)}`,
      submit: async (form) => {
        name ??= form.get("name");
        await api.put(`/${kind}${api.path(item?.vhost ?? form.get("vhost"), name)}`, {
          pattern: form.get("pattern"),
          "apply-to": form.get("apply-to"),
          priority: whole(form.get("priority"), "The priority") ?? 0,
          definition: editor.read(),
        });
      },
    });
    if (!done) return;
    notice(`The ${what} ${name} is in force.`);
    app.reload();
  }

  async function remove(kind, item) {
    const gone = await confirm({
      title: `Delete ${item.name}?`,
      lost: html`What <strong>${item.name}</strong> sets for names that match <code>${item.pattern}</code> in
        <strong>${item.vhost}</strong> is no longer in force:
        ${pairs(item.definition)}`,
      action: "Delete the policy",
      submit: () => api.remove(`/${kind}${api.path(item.vhost, item.name)}`),
    });
    if (!gone) return;
    notice(`${item.name} is deleted.`);
    app.reload();
  }

  return { title: "Policies", load, view };
}
