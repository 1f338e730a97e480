// Definitions out to a file, and in from one.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { confirm } from "../dialog.js";
import { many } from "../format.js";
import { notice } from "../notices.js";
import { heading, page, problem, section, table } from "../parts.js";

const SECTIONS = {
  users: ["user", "users"],
  vhosts: ["virtual host", "virtual hosts"],
  permissions: ["permission", "permissions"],
  topic_permissions: ["topic permission", "topic permissions"],
  policies: ["policy", "policies"],
  parameters: ["parameter", "parameters"],
  exchanges: ["exchange", "exchanges"],
  queues: ["queue", "queues"],
  bindings: ["binding", "bindings"],
};

export function definitions(app) {
  let vhosts = null;
  let vhost = "";
  let failure = null;
  let outcome = null;

  async function load(signal) {
    vhosts = await api.names("/vhosts", { signal });
  }

  const path = () => (vhost === "" ? "/definitions" : `/definitions${api.path(vhost)}`);

  async function download() {
    failure = null;
    try {
      const document = await api.get(path());
      const url = URL.createObjectURL(new Blob([JSON.stringify(document, null, 2)], { type: "application/json" }));
      const link = Object.assign(window.document.createElement("a"), { href: url, download: "definitions.json" });
      link.click();
      URL.revokeObjectURL(url);
    } catch (error) {
      failure = error;
    }
    app.update();
  }

  async function upload(event) {
    event.preventDefault();
    const input = event.target.elements.file;
    const [file] = input.files;
    if (!file) return;
    [failure, outcome] = [null, null];
    try {
      const document = JSON.parse(await file.text());
      const done = await confirm({
        title: "Import these definitions?",
        lost: html`<strong>${file.name}</strong> holds ${contents(document)}. Queues, exchanges and bindings that exist
          stay as they are; <strong>users, permissions, policies and parameters of the same names are replaced</strong>.`,
        action: "Import",
        submit: async () => (outcome = await api.post(`${path()}?report=true`, document)),
      });
      if (done) notice("The definitions are imported.");
    } catch (error) {
      failure = error instanceof SyntaxError ? new Error(`${file.name} is no JSON: ${error.message}`) : error;
    }
    input.value = "";
    app.update();
  }

  function view() {
    if (vhosts === null) return page(heading("Definitions"));
    return page(
      heading("Definitions"),
      html`<p class="lead">
          Users, virtual hosts, permissions, policies, exchanges, queues and bindings as one JSON document, which RabbitMQ
          reads and writes too. Messages are not in it.
        </p>
      <div class="field inline"><label for="of">Of</label>
        <select id="of" @change=${(event) => {
          vhost = event.target.value;
        }}>
          <option value="">the whole broker</option>
          ${vhosts.map((name) => html`<option value=${name}>virtual host ${name}</option>`)}
        </select>
      </div>
      ${failure ? problem(failure) : ""}
      <div class="charts">
        ${section(
          "Export",
          html`<p>The file holds hashes of passwords if it is of the whole broker.</p>
            <button class="primary" @click=${download}>Download definitions.json</button>`,
        )}
        ${section(
          "Import",
          html`<form @submit=${upload} class="upload"><label for="file">File with definitions</label>
          <input id="file" name="file" type="file" accept="application/json,.json" required /><button class="primary">Import…</button></form>`,
        )}
      </div>
      ${outcome ? section("What was not imported", skipped(outcome.skipped)) : ""}`,
    );
  }

  return { title: "Definitions", load, view };
}

function contents(document) {
  const found = Object.entries(SECTIONS)
    .filter(([name]) => document?.[name]?.length)
    .map(([name, words]) => many(document[name].length, ...words));
  return found.join(", ") || "nothing that is known here";
}

const skipped = (items) =>
  table(
    "What was not imported, and why",
    [
      { label: "Section", cell: (item) => item.section },
      { label: "Name", cell: (item) => item.name || "–" },
      { label: "Reason", cell: (item) => item.reason },
    ],
    items,
    "Everything was known and is taken over.",
  );
