// Bindings, seen from one of their ends.

import { html } from "../vendor/lit-html/lit-html.js";
import * as api from "./api.js";
import { ask, confirm } from "./dialog.js";
import { Table, choice, text } from "./forms.js";
import { Listing } from "./listing.js";
import { notice } from "./notices.js";
import { exchangeLink, pairs, queueLink, rowButton } from "./parts.js";

const ARGUMENTS = { "x-match": "text" };

const at = (vhost, source, kind, destination) =>
  `/bindings${api.path(vhost, "e", api.exchangeName(source), kind === "queue" ? "q" : "e", destination)}`;

/**
 * A list of bindings below `path`. `end`: "source" or "destination", whichever is the other end. `inside`: the list's
 * name in the address.
 */
export function bindings(app, { caption, path, end, none, inside }) {
  const changed = () => app.reload();
  const other = (item) => {
    if (end === "source") return exchangeLink(item.vhost, item.source);
    return item.destination_type === "queue"
      ? queueLink(item.vhost, item.destination)
      : exchangeLink(item.vhost, item.destination);
  };
  return new Listing(app, {
    caption,
    path: () => path,
    inside,
    none,
    key: (item) => JSON.stringify([item.source, item.destination_type, item.destination, item.properties_key]),
    columns: [
      {
        label: end === "source" ? "From exchange" : "To",
        sort: end,
        cell: (item) =>
          html`${end === "source" ? "" : html`<span class="muted">${item.destination_type}</span> `}${other(item)}`,
      },
      {
        label: "Routing key",
        sort: "routing_key",
        cell: (item) =>
          item.routing_key === "" ? html`<span class="muted">(empty)</span>` : html`<code>${item.routing_key}</code>`,
      },
      { label: "Arguments", cell: (item) => pairs(item.arguments) },
      {
        label: "Actions",
        cell: (item) =>
          item.source === ""
            ? html`<span class="muted">every queue has it</span>`
            : rowButton("Unbind…", `${item.source} → ${item.destination}`, () => unbind(item, changed), "danger-text"),
      },
    ],
  });
}

async function unbind(item, changed) {
  const path = `${at(item.vhost, item.source, item.destination_type, item.destination)}${api.path(item.properties_key)}`;
  const gone = await confirm({
    title: "Remove this binding?",
    lost: html`Messages with the routing key <code>${item.routing_key || "(empty)"}</code> no longer go from exchange
      <strong>${item.source}</strong> to ${item.destination_type} <strong>${item.destination}</strong>.`,
    action: "Unbind",
    submit: () => api.remove(path),
  });
  if (!gone) return;
  notice("The binding is gone.");
  changed();
}

/** Ask for a new binding. One of `source` and `queue` is given; the other end is asked for. */
export async function bind(vhost, { source, queue, names = [] }, changed) {
  const table = new Table("Arguments", ARGUMENTS);
  const made = await ask({
    title: queue === undefined ? `Bind to exchange ${source || "(default)"}` : `Bind queue ${queue}`,
    action: "Bind",
    body: (update) => html`${
      queue === undefined
        ? html`${choice("kind", "To a", ["queue", "exchange"])}
            ${text("destination", "Name", { required: true, autofocus: true })}`
        : html`<datalist id="exchanges">${names.map((name) => html`<option value=${name}></option>`)}</datalist>
            ${text("source", "From exchange", { required: true, autofocus: true, list: "exchanges" })}`
    }
      ${text("routing_key", "Routing key")} ${table.view(update)}`,
    submit: (form) =>
      api.post(
        at(
          vhost,
          queue === undefined ? source : form.get("source"),
          queue === undefined ? form.get("kind") : "queue",
          queue ?? form.get("destination"),
        ),
        {
          routing_key: form.get("routing_key"),
          arguments: table.read(),
        },
      ),
  });
  if (!made) return;
  notice("The binding is made.");
  changed();
}
