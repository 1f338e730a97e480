// A list that the API filters, sorts and cuts into pages; what is chosen stands in the page's address.

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { live } from "../vendor/lit-html/directives/live.js";
import * as api from "./api.js";
import { cut } from "./cut.js";
import { many } from "./format.js";
import { empty, loading, row } from "./parts.js";

const SIZES = [20, 50, 100, 500];

const COLUMNS_KEY = "amqpd.columns";
const PARTS = ["page", "page_size", "name", "use_regex", "sort", "sort_reverse"];

/**
 * `path(vhost)`: where the list is, for one vhost or, with "", all; or `all()`: its items, which are here. `columns`: `{label,
 * cell, sort, number}`, where `sort` is the field that the API sorts by, and `more` those
 * that are shown to whoever chooses them. `key(item)`: what tells items apart.
 * `loaded(items)`: called with each page that came. `nameOf(item)`: what the filter looks at in a list that the API
 * does not cut. `inside`: this is one of several lists of a page, whose choices have this word before
 * them in the address, and which has controls as soon as it is long.
 */
export class Listing {
  #page = null;
  #vhosts = [];
  #choosing = false;

  constructor(app, options) {
    const { byVhost = options.inside === undefined, query = {}, loaded = () => {}, inside, ...given } = options;
    const { nameOf = (item) => item.name } = options;
    Object.assign(this, { app, byVhost, fixed: query, loaded, inside, nameOf, ...given });
  }

  /** How many there are, whatever the filter. */
  get total() {
    return this.#page?.total_count ?? 0;
  }

  async load(signal) {
    const query = this.#query;
    const asked = {
      ...this.fixed,
      page: query.page ?? "1",
      page_size: query.page_size ?? String(SIZES[1]),
      name: query.name ?? "",
      use_regex: query.use_regex ?? "false",
      ...(query.sort ? { sort: query.sort, sort_reverse: query.sort_reverse ?? "false" } : {}),
    };
    if (this.byVhost) this.#vhosts = await api.names("/vhosts", { signal });
    try {
      const path = this.path && `${this.path(query.vhost ?? "")}?${new URLSearchParams(asked)}`;
      const found = path ? await api.get(path, { signal }) : this.all();
      this.#page = Array.isArray(found) ? cut(found, asked, this.nameOf) : found;
    } catch (error) {
      if (error.error !== "page_out_of_range") throw error;
      this.#choose({ page: null });
      throw new DOMException("the first page is loaded instead", "AbortError");
    }
    this.loaded(this.#page.items);
  }

  /** What is chosen for this list. */
  get #query() {
    const { query } = this.app;
    if (this.inside === undefined) return query;
    const own = PARTS.filter((part) => Object.hasOwn(query, `${this.inside}.${part}`));
    return { vhost: query.vhost, ...Object.fromEntries(own.map((part) => [part, query[`${this.inside}.${part}`]])) };
  }

  #choose(changes) {
    const own = (part) => (this.inside !== undefined && PARTS.includes(part) ? `${this.inside}.${part}` : part);
    this.app.setQuery(Object.fromEntries(Object.entries(changes).map(([part, value]) => [own(part), value])));
  }

  view() {
    if (this.#page === null) return loading();
    const { items } = this.#page;
    const short = this.inside !== undefined && this.total <= SIZES[0] && !this.#isNarrowed();
    const shown = html`${short ? nothing : this.#controls()}
      ${items.length === 0 ? empty(this.#isNarrowed() ? "Nothing matches the filter." : this.none) : this.#table(items)}
      ${short ? nothing : this.#pages()}`;
    return this.inside === undefined ? html`<div class="card">${shown}</div>` : shown;
  }

  #isNarrowed() {
    return Boolean(this.#query.name || (this.byVhost && this.#query.vhost));
  }

  #controls() {
    const query = this.#query;
    const set = (name) => (event) => this.#choose({ [name]: event.target.value, page: null });
    const regex = (event) => this.#choose({ use_regex: event.target.checked ? "true" : null, page: null });
    return html`<form class="controls" role="search" aria-label=${this.#named("Filter")} @submit=${(event) => event.preventDefault()}>
      <input type="search" aria-label=${this.#named("Filter by name")} placeholder="Filter by name" spellcheck="false"
        .value=${live(query.name ?? "")} @input=${set("name")} />
      <label class="check">
        <input type="checkbox" .checked=${live(query.use_regex === "true")} @change=${regex} />regular expression
      </label>
      ${
        this.byVhost
          ? html`<select aria-label="Virtual host" @change=${set("vhost")}>
            <option value="" ?selected=${!query.vhost}>All virtual hosts</option>
            ${this.#vhosts.map((name) => html`<option value=${name} ?selected=${name === query.vhost}>${name}</option>`)}
          </select>`
          : nothing
      }
      ${this.inside === undefined ? this.#columnChoice() : nothing}
      <span class="narrow-only">${this.#sortChoice()}</span>
      <span class="muted found" role="status">${this.#found()}</span>
    </form>`;
  }

  /** Of several lists, each says which it is. */
  #named(what) {
    return this.inside === undefined ? what : `${what}: ${this.caption}`;
  }

  #found() {
    const { filtered_count: filtered, total_count: total } = this.#page;
    return filtered === total ? many(total, "entry", "entries") : `${filtered} of ${many(total, "entry", "entries")}`;
  }

  /** Where columns have no heads to click on. */
  #sortChoice() {
    const query = this.#query;
    const change = (event) => {
      const [sort, reverse] = event.target.value.split(" ");
      this.#choose({ sort, sort_reverse: reverse ?? null });
    };
    const current = query.sort ? `${query.sort}${query.sort_reverse === "true" ? " true" : ""}` : "";
    return html`<select aria-label="Sort by" @change=${change}>
      <option value="" ?selected=${current === ""}>Sort by…</option>
      ${this.columns
        .filter(({ sort }) => sort)
        .map(({ label, sort, number }) => {
          const value = number ? `${sort} true` : sort;
          return html`<option value=${value} ?selected=${value === current}>${label}</option>`;
        })}
    </select>`;
  }

  /** Which columns are shown, as this browser's user has chosen; the first one names the rows and is always. */
  #columnChoice() {
    const choose = (label) => (event) => {
      const kept = chosenColumns();
      kept[this.caption] = { ...kept[this.caption], [label]: event.target.checked };
      localStorage.setItem(COLUMNS_KEY, JSON.stringify(kept));
      this.app.update();
    };
    const toggled = (event) => {
      this.#choosing = event.target.open;
      this.app.update();
    };
    const escape = (event) => {
      if (event.key !== "Escape" || !this.#choosing) return;
      event.currentTarget.open = false;
      event.currentTarget.querySelector("summary").focus();
    };
    const shown = this.#shownColumns();
    const choices = () => html`<fieldset>
      <legend class="hidden-text">Columns that are shown</legend>
      ${this.columns.slice(1).map(
        (column) => html`<label class="check">
          <input type="checkbox" .checked=${live(shown.includes(column))} @change=${choose(column.label)} />${column.label}
        </label>`,
      )}
    </fieldset>`;
    return html`<details class="columns" @toggle=${toggled} @keydown=${escape}>
      <summary>Columns</summary>
      ${this.#choosing ? choices() : nothing}
    </details>`;
  }

  #shownColumns() {
    const chosen = chosenColumns()[this.caption] ?? {};
    return this.columns.filter(({ label, more = false }, at) => at === 0 || (chosen[label] ?? !more));
  }

  #table(items) {
    const columns = this.#shownColumns();
    return html`<table role="table">
      <caption class="hidden-text">${this.caption}</caption>
      <thead role="rowgroup"><tr role="row">${columns.map((column) => this.#head(column))}</tr></thead>
      <tbody role="rowgroup">${repeat(items, this.key, (item) => row(columns, item))}</tbody>
    </table>`;
  }

  #head({ label, sort, number }) {
    const kind = number ? "number" : "";
    if (!sort) return html`<th role="columnheader" scope="col" class=${kind}>${label}</th>`;
    const query = this.#query;
    const sorted = query.sort === sort;
    const reverse = query.sort_reverse === "true";
    // Names begin with the first one, numbers with the greatest.
    const next = () =>
      this.#choose({ sort, sort_reverse: sorted ? String(!reverse) : String(Boolean(number)), page: null });
    const [order, arrow] = sorted ? (reverse ? ["descending", "▼"] : ["ascending", "▲"]) : ["none", ""];
    return html`<th role="columnheader" scope="col" class=${kind} aria-sort=${order}>
      <button class="sort" @click=${next}>${label}<span aria-hidden="true">${arrow}</span></button>
    </th>`;
  }

  #pages() {
    const { page, page_count: last } = this.#page;
    const query = this.#query;
    const size = Number(query.page_size ?? SIZES[1]);
    const go = (number) => () => this.#choose({ page: number === 1 ? null : String(number) });
    return html`<nav class="pages" aria-label="Pages of ${this.inside === undefined ? "the list" : this.caption}">
      <button class="small" ?disabled=${page <= 1} @click=${go(page - 1)}>
        <span aria-hidden="true">‹</span> Previous
      </button>
      <span>Page ${page} of ${Math.max(last, 1)}</span>
      <button class="small" ?disabled=${page >= last} @click=${go(page + 1)}>
        Next <span aria-hidden="true">›</span>
      </button>
      <label>on a page
        <select @change=${(event) => this.#choose({ page_size: event.target.value, page: null })}>
          ${SIZES.map((each) => html`<option value=${each} ?selected=${each === size}>${each}</option>`)}
        </select>
      </label>
    </nav>`;
  }
}

/** `{caption: {label: shown}}`, of what was chosen in this browser. */
function chosenColumns() {
  try {
    return JSON.parse(localStorage.getItem(COLUMNS_KEY)) ?? {};
  } catch {
    return {}; // another version's, or somebody else's
  }
}

/** A path under which the API lists things of all vhosts, or of one. */
export const inVhost = (kind) => (vhost) => (vhost === "" ? `/${kind}` : `/${kind}${api.path(vhost)}`);
