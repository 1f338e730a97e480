// The end of the broker's log, which goes on while one looks.

import { html } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import * as api from "../api.js";
import { many } from "../format.js";
import { badge, empty, heading, page, pairs } from "../parts.js";

const KEPT = 1000;
const LEVELS = [
  ["debug", "all"],
  ["info", "info and above"],
  ["warning", "warnings and errors"],
  ["error", "errors"],
];
const SEVERITY = { error: "bad", critical: "bad", warning: "warn", info: "soft", debug: "soft" };

export function log(app) {
  let entries = null;
  let last = 0;
  let level = "debug";
  let wanted = "";

  async function load(signal) {
    const found = await api.get(`/log?after=${last}&level=${level}`, { signal });
    if (found.last < last) entries = null; // the broker has started anew
    entries = [...(entries ?? []), ...found.entries].slice(-KEPT);
    last = found.last;
  }

  const choose = (event) => {
    [level, entries, last] = [event.target.value, null, 0];
    app.reload();
  };
  const filter = (event) => {
    wanted = event.target.value.toLowerCase();
    app.update();
  };
  const matches = (entry) => JSON.stringify([entry.event, entry.values]).toLowerCase().includes(wanted);

  function view() {
    if (entries === null) return page(heading("Log"));
    const shown = entries.filter(matches).reverse();
    return page(
      heading("Log"),
      html`<div class="card">
        <form class="controls" role="search" aria-label="Filter" @submit=${(event) => event.preventDefault()}>
          <input type="search" aria-label="Filter by text" placeholder="Filter by text" @input=${filter} spellcheck="false" />
          <select aria-label="Level" @change=${choose}>
            ${LEVELS.map(([value, name]) => html`<option value=${value}>${name}</option>`)}
          </select>
          <span class="muted found" role="status">${many(shown.length, "event")}, newest first</span>
        </form>
        ${
          shown.length === 0
            ? empty("Nothing has been written that matches.")
            : html`<ol class="log" aria-label="Events, newest first">
          ${repeat(shown, (each) => each.number, line)}
        </ol>`
        }
      </div>`,
    );
  }

  return { title: "Log", load, view };
}

const line = (entry) => html`<li class="log-line">
  <time datetime=${new Date(entry.time).toISOString()}>${new Date(entry.time).toLocaleString()}</time>
  ${badge(entry.level, SEVERITY[entry.level])}
  <span class="log-event">${entry.event}</span>
  ${Object.keys(entry.values).length ? pairs(entry.values) : ""}
</li>`;
