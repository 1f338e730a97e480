// Feature flags, deprecated features and the cluster's name: what RabbitMQ's tools and runbooks ask for.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { ask } from "../dialog.js";
import { text } from "../forms.js";
import { notice } from "../notices.js";
import { badge, facts, heading, page, section, table } from "../parts.js";

const COLUMNS = [
  { label: "Name", cell: (item) => item.name },
  { label: "What it is", cell: (item) => item.desc || "–" },
];
const FLAGS = [
  ...COLUMNS,
  { label: "State", cell: (item) => badge(item.state, item.state === "enabled" ? "good" : "soft") },
];
const DEPRECATED = [...COLUMNS, { label: "Phase", cell: (item) => item.deprecation_phase ?? "–" }];

export function features(app) {
  let name = null;
  let flags = [];
  let deprecated = [];

  async function load(signal) {
    [{ name }, flags, deprecated] = await Promise.all([
      api.get("/cluster-name", { signal }),
      api.get("/feature-flags", { signal }),
      api.get("/deprecated-features", { signal }),
    ]);
  }

  async function rename() {
    const done = await ask({
      title: "Change the cluster's name",
      action: "Save",
      body: () => text("name", "Name", { value: name, required: true, autofocus: true, hint: "Clients and tools see it." }),
      submit: (form) => api.put("/cluster-name", { name: form.get("name") }),
    });
    if (!done) return;
    notice("The cluster has its new name.");
    app.reload();
  }

  function view() {
    if (name === null) return page(heading("Features"));
    return page(
      heading("Features"),
      html`${section("Cluster", facts([["Name", name]]), {
        actions: html`<button class="small" @click=${rename}>Change…</button>`,
      })}
      ${section("Feature flags", table("Feature flags", FLAGS, flags, "There are none."))}
      ${section(
        "Deprecated features",
        table("Deprecated features", DEPRECATED, deprecated, "None: the setting compat says which version's behaviour is in force."),
      )}`,
    );
  }

  return { title: "Features", load, view };
}
