// Small things that every page is made of.

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { encode, exchangeName } from "./api.js";
import { value } from "./format.js";

/** The page's title, which gets the focus when the page opens, with what can be done on its right. */
export function heading(title, { above, badges, actions } = {}) {
  return html`<div class="heading">
    <div class="heading-text">
      ${above ? html`<p class="above">${above}</p>` : nothing}
      <h1 tabindex="-1">${title}</h1>
      ${badges ? html`<p class="badges">${badges}</p>` : nothing}
    </div>
    ${actions ? html`<div class="actions">${actions}</div>` : nothing}
  </div>`;
}

/** A page: its heading stays the same element, which has the focus, while what is below it comes and changes. */
export const page = (head, body = loading()) => html`${head}${body}`;

/** An error of the API with its reason. `stale`: what is shown below is from before. */
export function problem(error, stale = false) {
  return html`<div class="problem" role="alert">
    <strong>${error.status === 404 ? "Not found" : error.status === 401 ? "Not allowed" : "That did not work"}:</strong>
    ${stale ? ended(error.message) : error.message}${stale ? html` <span>What is shown is from before.</span>` : nothing}
  </div>`;
}

/** With a full stop, where another sentence follows. */
const ended = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

export const badge = (text, kind = "", title = "") =>
  html`<span class="badge ${kind}" title=${title || nothing}>${text}</span>`;

/** A part of a page under a title of its own. */
export function section(title, content, { actions, id } = {}) {
  return html`<section class="card" aria-labelledby=${id ?? slug(title)}>
    <div class="card-head">
      <h2 id=${id ?? slug(title)}>${title}</h2>
      ${actions ? html`<div class="actions">${actions}</div>` : nothing}
    </div>
    ${content}
  </section>`;
}

const slug = (title) => `s-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;

/** Names with what is known of them; rows whose value is undefined are left out. */
export function facts(rows) {
  return html`<dl class="facts">
    ${rows
      .filter(([, shown]) => shown !== undefined)
      .map(([name, shown]) => html`<div><dt>${name}</dt><dd>${shown}</dd></div>`)}
  </dl>`;
}

/** A table of arguments or properties; nothing where there are none. */
export function pairs(given) {
  const entries = Object.entries(given ?? {});
  if (entries.length === 0) return html`<span class="muted">none</span>`;
  return html`<dl class="pairs">
    ${entries.map(([name, shown]) => html`<div><dt>${name}</dt><dd>${value(shown)}</dd></div>`)}
  </dl>`;
}

/** What a list says where there is nothing. */
export const empty = (text) => html`<p class="empty">${text}</p>`;

export const loading = () => html`<p class="empty" role="status">Loading…</p>`;

/** A plain table. `columns`: `{label, cell, number}`; `items` in the order in which they are shown. */
export function table(caption, columns, items, none) {
  if (items.length === 0) return empty(none);
  return html`<table role="table">
    <caption class="hidden-text">${caption}</caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(
          ({ label, number }) =>
            html`<th role="columnheader" scope="col" class=${number ? "number" : ""}>${label}</th>`,
        )}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${items.map((item) => row(columns, item))}
    </tbody>
  </table>`;
}

/** One row; its first cell names it. */
export function row(columns, item) {
  return html`<tr role="row">
    ${columns.map(({ label, cell, number }, at) =>
      at === 0
        ? html`<th role="rowheader" scope="row" data-label=${label}>${cell(item)}</th>`
        : html`<td role="cell" data-label=${label} class=${number ? "number" : ""}>${cell(item)}</td>`,
    )}
  </tr>`;
}

/** A button in a row, which says to screen readers what it is about. */
export const rowButton = (text, about, act, kind = "") =>
  html`<button class="small ${kind}" @click=${act}>${text}<span class="hidden-text"> ${about}</span></button>`;

export const queueLink = (vhost, name) => html`<a href="#/queues/${encode(vhost)}/${encode(name)}">${name}</a>`;

export const exchangeLink = (vhost, name) =>
  html`<a href="#/exchanges/${encode(vhost)}/${encode(exchangeName(name))}">${name || "(default exchange)"}</a>`;

export const connectionLink = (name) => html`<a href="#/connections/${encode(name)}">${name}</a>`;

export const channelLink = (name) => html`<a href="#/channels/${encode(name)}">${name}</a>`;

/** What arguments and policies do, in a word: `[key, word, meaning]`. */
const EFFECTS = [
  ["message-ttl", "TTL", "messages expire"],
  ["expires", "expires", "it is deleted when nobody uses it"],
  ["max-length", "limit", "so many messages at most"],
  ["max-length-bytes", "limit", "so many octets at most"],
  ["max-age", "limit", "messages up to that age"],
  ["dead-letter-exchange", "DLX", "dead letters go to an exchange"],
  ["max-priority", "priorities", "messages with higher priorities come first"],
  ["single-active-consumer", "single consumer", "one consumer at a time"],
  ["alternate-exchange", "alternate", "what goes nowhere goes to another exchange"],
];

function effects({ arguments: given = {}, effective_policy_definition: policy = {} }) {
  const found = new Map();
  for (const [key, word, meaning] of EFFECTS) {
    const value = given[`x-${key}`] ?? given[key] ?? policy?.[key];
    if (value !== undefined && value !== false)
      found.set(word, [...(found.get(word) ?? []), `${meaning}: ${key} is ${value}`]);
  }
  return [...found].map(([word, meanings]) => badge(word, "soft word", meanings.join("; ")));
}

/** D, AD, excl and the like, with what they mean. */
export function features(item) {
  return [
    item.durable
      ? badge("durable", "word", "survives a restart")
      : badge("transient", "soft word", "gone after a restart"),
    item.auto_delete ? badge("auto-delete", "soft word", "deleted when its last user goes") : nothing,
    item.exclusive ? badge("exclusive", "soft word", "deleted with its connection") : nothing,
    item.internal ? badge("internal", "soft word", "clients cannot publish to it") : nothing,
    ...effects(item),
    item.policy ? badge(item.policy, "policy", "policy") : nothing,
    item.operator_policy ? badge(item.operator_policy, "policy", "operator policy") : nothing,
  ];
}
