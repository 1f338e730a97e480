// One logged-in user's app: which page is open, when it is loaded again, and what surrounds it.
//
// A page is `open(app, names, query)`, which returns `{title, load(signal), view()}`: `load` asks the API and keeps what it
// needs, `view` is a template of what is kept. Nothing else draws.

import { html, render } from "../vendor/lit-html/lit-html.js";
import { heading, problem } from "./parts.js";
import { find, links } from "./routes.js";
import { parse, write } from "./address.js";

const PERIODS = [
  [2, "every 2 s"],
  [5, "every 5 s"],
  [30, "every 30 s"],
  [0, "off"],
];
const PERIOD_KEY = "amqpd.period";
const SHARE = 10; // a page is loaded for a tenth of the time at most, however long a look takes

export class App {
  #root;
  #leave;
  #timer;
  #loading = null;
  #page = null;
  #address = null;
  #problem = null;
  #loaded = false;
  #drawing = false;
  #menu = false;
  #period = Number(localStorage.getItem(PERIOD_KEY) ?? PERIODS[0][0]);
  #ended = new AbortController();

  constructor(root, user, leave) {
    this.#root = root;
    this.#leave = leave;
    this.user = user;
    this.tags = Array.isArray(user.tags) ? user.tags : String(user.tags).split(",");
    this.isAdministrator = this.tags.includes("administrator");
    this.isMonitoring = this.isAdministrator || this.tags.includes("monitoring");
    this.makesPolicies = this.isAdministrator || this.tags.includes("policymaker");
  }

  start() {
    const { signal } = this.#ended;
    window.addEventListener("hashchange", () => this.#open(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.reload(), { signal });
    this.#open();
  }

  end(reason = "") {
    this.#ended.abort();
    this.#loading?.abort();
    clearTimeout(this.#timer);
    this.#leave(reason);
  }

  /** Draw again, once, after what runs now. */
  update() {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      if (!this.#ended.signal.aborted) this.#draw();
    });
  }

  /** Load the page again, and draw it. */
  async reload() {
    clearTimeout(this.#timer);
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    const page = this.#page;
    const start = performance.now();
    try {
      await page.load(loading.signal);
      if (loading.signal.aborted) return;
      [this.#problem, this.#loaded] = [null, true];
    } catch (error) {
      if (loading.signal.aborted || error.name === "AbortError") return;
      if (error.status === 401 && error.error === "not_authorized") {
        this.end("Your login is no longer valid. Log in again to go on where you were.");
        return;
      }
      this.#problem = error;
    }
    this.update();
    if (this.#period === 0 || document.hidden) return;
    const pause = Math.max(this.#period * 1000, (performance.now() - start) * SHARE);
    this.#timer = setTimeout(() => this.reload(), pause);
  }

  /** Go to a page: an address as `address.write` makes it. */
  go(address) {
    location.hash = address;
  }

  /** What this page is about is gone: go to a list, or load that again. */
  leave(address) {
    if (location.hash.split("?")[0] === address) this.reload();
    else this.go(address);
  }

  /** Change the query of this page's address, and load it so; `null` takes a name out. */
  setQuery(changes) {
    const query = { ...this.#address.query, ...changes };
    history.replaceState(null, "", write(this.#address.names, query));
    this.#address = parse(location.hash);
    this.reload();
  }

  get query() {
    return this.#address.query;
  }

  #open() {
    const before = this.#address;
    this.#address = parse(location.hash);
    const { open, names, section } = find(this.#address.names);
    this.section = section;
    this.#page = open(this, names);
    [this.#problem, this.#loaded, this.#menu] = [null, false, false];
    document.title = `${this.#page.title} · amqpd`;
    this.#draw();
    if (before !== null) {
      window.scrollTo(0, 0);
      this.#root.querySelector("h1").focus({ preventScroll: true });
    }
    this.reload();
  }

  #draw() {
    const focused = this.#root.querySelector("main")?.contains(document.activeElement);
    render(
      html`<a class="skip" href="#main" @click=${this.#skip}>Skip to the content</a>
        <header class="top">
          <button
            class="menu-button"
            aria-expanded=${this.#menu}
            aria-controls="menu"
            @click=${() => this.#toggleMenu(!this.#menu)}
            @keydown=${this.#menuKey}
          >
            <span class="bars" aria-hidden="true"></span><span class="hidden-text">Menu</span>
          </button>
          <a class="brand" href="#/"><img src="icon.svg" alt="" width="28" height="28" />amqpd</a>
          <label class="period">
            <span>Update</span>
            <select @change=${(event) => this.#setPeriod(Number(event.target.value))}>
              ${PERIODS.map(
                ([seconds, name]) =>
                  html`<option value=${seconds} ?selected=${seconds === this.#period}>${name}</option>`,
              )}
            </select>
          </label>
          <span class="who">${this.user.name}</span>
          <button class="quiet" @click=${() => this.end()}>Log out</button>
        </header>
        <nav id="menu" class=${this.#menu ? "side open" : "side"} aria-label="Pages" @keydown=${this.#menuKey}>
          ${links(this).map(
            ({ name, items }) => html`<div class="group" role="group" aria-label=${name}>
              <p class="group-name" aria-hidden="true">${name}</p>
              <ul>
                ${items.map(
                  ([address, text]) => html`<li>
                    <a href="#/${address}" aria-current=${address === this.section ? "page" : "false"}>${text}</a>
                  </li>`,
                )}
              </ul>
            </div>`,
          )}
          <p class="side-who">Logged in as <strong>${this.user.name}</strong></p>
        </nav>
        <main id="main" tabindex="-1">
          ${this.#problem ? problem(this.#problem, this.#loaded) : ""}
          ${this.#problem && !this.#loaded ? heading(this.#page.title) : this.#page.view()}
        </main>`,
      this.#root,
    );
    // What had the focus may be gone, with a row that was deleted: reading goes on from the page's beginning.
    if (focused && document.activeElement === document.body)
      this.#root.querySelector("main").focus({ preventScroll: true });
  }

  #skip = (event) => {
    event.preventDefault();
    this.#root.querySelector("main").focus();
  };

  #menuKey = (event) => {
    if (event.key !== "Escape" || !this.#menu) return;
    this.#toggleMenu(false);
    this.#root.querySelector(".menu-button").focus();
  };

  #toggleMenu(open) {
    this.#menu = open;
    this.update();
  }

  #setPeriod(seconds) {
    this.#period = seconds;
    localStorage.setItem(PERIOD_KEY, String(seconds));
    this.reload();
  }
}
