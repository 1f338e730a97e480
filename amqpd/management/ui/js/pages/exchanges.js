// Exchanges.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { ask } from "../dialog.js";
import { Table, check, choice, text } from "../forms.js";
import { rate } from "../format.js";
import { Listing, inVhost } from "../listing.js";
import { notice } from "../notices.js";
import { badge, exchangeLink, features, heading } from "../parts.js";
import { rates } from "../rates.js";

const ARGUMENTS = { "alternate-exchange": "text", "x-delayed-type": "text" };

const exchangeRates = (item) =>
  rates(`exchange ${item.vhost} ${item.name}`, item.message_stats, ["publish_in", "publish_out"]);

export function exchanges(app) {
  const listing = new Listing(app, {
    caption: "Exchanges",
    path: inVhost("exchanges"),
    key: (item) => JSON.stringify([item.vhost, item.name]),
    none: "There is none.",
    loaded: (items) => items.forEach((item) => (item.rates = exchangeRates(item))),
    columns: [
      { label: "Name", sort: "name", cell: (item) => exchangeLink(item.vhost, item.name) },
      { label: "Virtual host", sort: "vhost", cell: (item) => item.vhost },
      { label: "Type", sort: "type", cell: (item) => badge(item.type, "type") },
      { label: "Features", cell: features },
      { label: "In", sort: "message_stats.publish_in", number: true, cell: (item) => rate(item.rates?.publish_in) },
      { label: "Out", sort: "message_stats.publish_out", number: true, cell: (item) => rate(item.rates?.publish_out) },
    ],
  });
  return {
    title: "Exchanges",
    load: (signal) => listing.load(signal),
    view: () =>
      html`${heading("Exchanges", { actions: html`<button class="primary" @click=${() => declare(app)}>New exchange…</button>` })}
      ${listing.view()}`,
  };
}

async function declare(app) {
  const [vhosts, overview] = await Promise.all([
    api.names("/vhosts"),
    api.get("/overview?columns=exchange_types&disable_stats=true"),
  ]);
  const table = new Table("Arguments", ARGUMENTS);
  let name = "";
  const made = await ask({
    title: "New exchange",
    action: "Make it",
    body: (update) => html`${choice("vhost", "Virtual host", vhosts, { value: app.query.vhost })}
      ${text("name", "Name", { required: true, autofocus: true })}
      ${choice(
        "type",
        "Type",
        overview.exchange_types.map((each) => each.name),
        { value: "direct" },
      )}
      ${check("durable", "Durable: it survives a restart", { checked: true })}
      ${check("auto_delete", "Auto-delete: it goes with its last binding")}
      ${check("internal", "Internal: only other exchanges publish to it")}
      ${table.view(update)}`,
    submit: async (form) => {
      name = form.get("name");
      await api.put(`/exchanges${api.path(form.get("vhost"), name)}`, {
        type: form.get("type"),
        durable: form.has("durable"),
        auto_delete: form.has("auto_delete"),
        internal: form.has("internal"),
        arguments: table.read(),
      });
    },
  });
  if (!made) return;
  notice(`Exchange ${name} is there.`);
  app.reload();
}
