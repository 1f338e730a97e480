// What waits in a queue: looked at without taking it; moved, replayed or dropped, all of it or what is chosen.

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import * as api from "./api.js";
import { ask, confirm } from "./dialog.js";
import { choice, text } from "./forms.js";
import { many } from "./format.js";
import { notice } from "./notices.js";
import { badge, empty, pairs, problem, section } from "./parts.js";
import { take } from "./taking.js";

const AT_ONCE = 20;
const SHORT = 100; // characters of JSON that need no line breaks

export class Browser {
  #app;
  #at;
  #vhost;
  #name;
  #messages = null;
  #offset = 0;
  #chosen = new Set();
  #problem = null;
  #taken = null;

  constructor(app, vhost, name) {
    [this.#app, this.#vhost, this.#name] = [app, vhost, name];
    this.#at = `/queues${api.path(vhost, name)}`;
  }

  /** Show nothing until somebody looks again. */
  forget() {
    [this.#messages, this.#taken] = [null, null];
    this.#chosen.clear();
  }

  view(queue) {
    const chosen = this.#chosen.size;
    const what = chosen ? `${many(chosen, "chosen one", "chosen ones")}` : "all";
    const isStream = queue.type === "stream";
    const actions = html`<button class="small" @click=${() => this.#look(0)}>
        ${this.#messages === null ? "Look into it" : "Look again"}
      </button>
      ${
        isStream
          ? nothing
          : html`<button class="small" @click=${() => this.#take()}>Take…</button>
            <button class="small" @click=${() => this.#move(queue)}>Move ${what}…</button>
            <button class="small" @click=${() => this.#replay(queue)}>Replay ${what}…</button>
            ${chosen ? html`<button class="small danger-text" @click=${() => this.#drop()}>Drop ${what}…</button>` : nothing}`
      }`;
    return section(
      isStream ? "Messages" : "Waiting messages",
      html`${this.#problem ? problem(this.#problem) : nothing}${this.#taken ? this.#takenList() : nothing}
        ${this.#list(isStream)}`,
      { actions },
    );
  }

  async #take() {
    const taken = await take(this.#vhost, this.#name);
    if (taken === null) return;
    this.#taken = taken;
    if (this.#messages !== null) this.#look(0);
    this.#app.reload();
  }

  /** What was taken, which may be nowhere else any more. */
  #takenList() {
    if (this.#taken.length === 0) return empty("No message was ready.");
    return html`<h3>Taken</h3>
      <ul class="messages" aria-label="Taken messages">
        ${this.#taken.map((each, at) => this.#message(each, at + 1, false, "taken message"))}
      </ul>`;
  }

  #list(isStream) {
    if (this.#messages === null)
      return html`<p class="muted">Looking takes nothing out and marks nothing as redelivered.</p>`;
    const [first, amount] = [this.#offset, this.#messages.length];
    if (amount === 0 && first === 0) return empty("No message is ready.");
    return html`<ul class="messages">
        ${repeat(
          this.#messages,
          (each) => each.number,
          (each, at) => this.#message(each, first + at + 1, !isStream),
        )}
      </ul>
      <nav class="pages" aria-label="Pages of messages">
        <button class="small" ?disabled=${first === 0} @click=${() => this.#look(Math.max(0, first - AT_ONCE))}>
          <span aria-hidden="true">‹</span> Earlier
        </button>
        <span>${amount ? `${first + 1} to ${first + amount}` : "none"}</span>
        <button class="small" ?disabled=${amount < AT_ONCE} @click=${() => this.#look(first + AT_ONCE)}>
          Later <span aria-hidden="true">›</span>
        </button>
      </nav>`;
  }

  #message(message, position, canBeChosen, called = "message") {
    const { headers, ...properties } = Array.isArray(message.properties) ? {} : message.properties;
    const choose = (event) => {
      if (event.target.checked) this.#chosen.add(message.number);
      else this.#chosen.delete(message.number);
      this.#app.update();
    };
    return html`<li class="message">
      <div class="message-head">
        ${
          canBeChosen
            ? html`<label class="check">
                <input type="checkbox" .checked=${this.#chosen.has(message.number)} @change=${choose} />
                <span class="hidden-text">Choose message </span>${position}
              </label>`
            : html`<span>${position}</span>`
        }
        <span>from <strong>${message.exchange || "(default exchange)"}</strong>
          with key <code>${message.routing_key || "(empty)"}</code></span>
        ${message.redelivered ? badge("redelivered", "warn") : nothing}
        ${message.payload_encoding === "base64" ? badge("Base64", "soft") : nothing}
        <span class="muted">${many(message.payload_bytes, "octet")}</span>
      </div>
      <pre class="payload" tabindex="0" role="group" aria-label="Payload of ${called} ${position}">${readable(message)}</pre>
      <details><summary>Properties and headers</summary>${pairs(properties)}${headers ? pairs(headers) : nothing}</details>
    </li>`;
  }

  async #look(offset) {
    this.#problem = null;
    try {
      this.#messages = await api.get(`${this.#at}/peek?count=${AT_ONCE}&offset=${offset}&truncate=10000`);
      this.#offset = offset;
      const there = new Set(this.#messages.map(({ number }) => number));
      this.#chosen = new Set([...this.#chosen].filter((number) => there.has(number)));
    } catch (error) {
      this.#problem = error;
    }
    this.#app.update();
  }

  #what = () => (this.#chosen.size ? { numbers: [...this.#chosen] } : {});

  #amount(queue) {
    return this.#chosen.size
      ? many(this.#chosen.size, "chosen message")
      : `all ready messages (${many(queue.messages_ready, "message")} as of now)`;
  }

  async #move(queue) {
    let moved;
    let kind = "queue";
    const done = await ask({
      title: `Move messages of ${this.#name}`,
      action: "Move",
      body: (update) => html`<p>This moves <strong>${this.#amount(queue)}</strong>. What can't go there stays.</p>
        ${choice("kind", "To a", ["queue", "exchange"], {
          value: kind,
          change: (event) => {
            kind = event.target.value;
            update();
          },
        })}
        ${text("target", kind === "queue" ? "Queue" : "Exchange", { required: kind === "queue", autofocus: true })}
        ${kind === "exchange" ? text("routing_key", "Routing key", { hint: "Left empty, each message keeps its own." }) : nothing}`,
      submit: async (form) => {
        const key = form.get("routing_key") ? { routing_key: form.get("routing_key") } : {};
        const target = kind === "queue" ? { to: form.get("target") } : { exchange: form.get("target"), ...key };
        moved = await api.post(`${this.#at}/move`, { ...target, ...this.#what() });
      },
    });
    if (done) this.#tell(moved, "moved");
  }

  async #replay(queue) {
    let moved;
    const done = await confirm({
      title: `Replay dead letters of ${this.#name}?`,
      lost: html`<strong>${this.#amount(queue)}</strong> of <strong>${this.#name}</strong> leave it, each published again
        to where it was published before it died. What never died stays.`,
      action: "Replay",
      submit: async () => (moved = await api.post(`${this.#at}/replay`, this.#what())),
    });
    if (done) this.#tell(moved, "published again");
  }

  async #drop() {
    const numbers = [...this.#chosen];
    const done = await confirm({
      title: "Drop the chosen messages?",
      lost: html`<strong>${many(numbers.length, "message")}</strong> of <strong>${this.#name}</strong> are lost.`,
      action: "Drop them",
      submit: async () => {
        for (const number of numbers) await api.remove(`${this.#at}/messages/${number}`);
      },
    });
    if (!done) return;
    notice(`${many(numbers.length, "message")} dropped.`);
    this.#again();
  }

  #tell(outcome, verb) {
    const { moved, unroutable, refused } = outcome;
    const stayed = [
      unroutable ? `${unroutable} stayed: they had nowhere to go` : "",
      refused ? `${refused} stayed: a queue was full` : "",
    ].filter(Boolean);
    notice(`${[`${many(moved, "message")} ${verb}`, ...stayed].join("; ")}.`);
    this.#again();
  }

  #again() {
    this.#chosen.clear();
    if (this.#messages !== null) this.#look(0);
    this.#app.reload();
  }
}

/** Long JSON with line breaks, everything else as it is. */
function readable({ payload, payload_encoding: encoding, payload_bytes: size }) {
  if (encoding !== "string") return payload;
  try {
    const value = JSON.parse(payload);
    return typeof value === "object" && payload.length > SHORT ? JSON.stringify(value, null, 2) : payload;
  } catch {
    return payload.length && new TextEncoder().encode(payload).length < size ? `${payload}…` : payload;
  }
}
