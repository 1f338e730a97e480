// Fields of forms, and an editor for tables of arguments.

import { html, nothing } from "../vendor/lit-html/lit-html.js";

let number = 0;

/** A text field. `hint`: a line below it. */
export function text(
  name,
  label,
  { value = "", hint, type = "text", required = false, autofocus = false, list, ...more } = {},
) {
  const id = `f-${name}`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} name=${name} type=${type} .defaultValue=${String(value)} ?required=${required} ?autofocus=${autofocus}
      autocomplete=${more.autocomplete ?? "off"} autocapitalize="none" spellcheck="false" min=${more.min ?? nothing}
      list=${list ?? nothing} aria-describedby=${hint ? `${id}-hint` : nothing} />
    ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : nothing}
  </div>`;
}

export function area(name, label, { value = "", rows = 5, hint, required = false } = {}) {
  const id = `f-${name}`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <textarea id=${id} name=${name} rows=${rows} spellcheck="false" ?required=${required} .defaultValue=${value}
      aria-describedby=${hint ? `${id}-hint` : nothing}></textarea>
    ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : nothing}
  </div>`;
}

/** A choice; `options`: values, or pairs of a value and its text. */
export function choice(name, label, options, { value, hint, change } = {}) {
  const id = `f-${name}`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} name=${name} @change=${change ?? nothing} aria-describedby=${hint ? `${id}-hint` : nothing}>
      ${options.map((each) => {
        const [one, shown] = Array.isArray(each) ? each : [each, each];
        return html`<option value=${one} ?selected=${one === value}>${shown}</option>`;
      })}
    </select>
    ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : nothing}
  </div>`;
}

export function check(name, label, { checked = false, hint } = {}) {
  return html`<div class="field">
    <label class="check"><input type="checkbox" name=${name} ?checked=${checked} />${label}</label>
    ${hint ? html`<p class="hint">${hint}</p>` : nothing}
  </div>`;
}

/** Tags with commas in between, as an array. */
export const tags = (given) =>
  given
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);

/** The whole number of a field; undefined if it is empty. Throws for anything else. */
export function whole(given, label) {
  if (given.trim() === "") return undefined;
  if (!/^-?\d+$/.test(given.trim())) throw new Error(`${label} is “${given}”: expected a whole number.`);
  return Number(given);
}

const KINDS = ["text", "number", "boolean", "JSON"];
const READ = {
  text: (given) => given,
  number: (given) => whole(given, "The value") ?? fail("A number is missing."),
  boolean: (given) =>
    ["true", "false"].includes(given) ? given === "true" : fail(`“${given}” is neither true nor false.`),
  JSON: (given) => JSON.parse(given),
};

function fail(reason) {
  throw new Error(reason);
}

/** An editor for a table: rows of a name, a kind and a value. `known`: names with the kind that each has. */
export class Table {
  #rows;
  #id = `table-${++number}`;

  constructor(label, known = {}, given = {}) {
    this.label = label;
    this.known = known;
    this.#rows = Object.entries(given).map(([name, value]) => ({ name, kind: kindOf(value), value: shown(value) }));
  }

  /** What the rows say. Throws for a value that is not of its kind. */
  read() {
    const found = {};
    for (const { name, kind, value } of this.#rows) {
      if (name === "") continue;
      try {
        found[name] = READ[kind](value);
      } catch (error) {
        throw new Error(`${name}: ${error.message}`);
      }
    }
    return found;
  }

  view(update) {
    const change = (row, key) => (event) => {
      row[key] = event.target.value;
      if (key === "name" && Object.hasOwn(this.known, row.name)) row.kind = this.known[row.name];
      update();
    };
    const add = (event) => {
      this.#rows.push({ name: "", kind: "text", value: "" });
      update();
      event.target.closest("fieldset").querySelector(".table-row:last-of-type input").focus();
    };
    const drop = (at) => () => {
      this.#rows.splice(at, 1);
      update();
    };
    return html`<fieldset class="table-editor">
      <legend>${this.label}</legend>
      <datalist id=${this.#id}>${Object.keys(this.known).map((name) => html`<option value=${name}></option>`)}</datalist>
      ${this.#rows.map(
        (row, at) => html`<div class="table-row">
          <input aria-label="Name ${at + 1}" placeholder="name" list=${this.#id} spellcheck="false"
            .value=${row.name} @change=${change(row, "name")} />
          <select aria-label="Kind ${at + 1}" @change=${change(row, "kind")}>
            ${KINDS.map((kind) => html`<option ?selected=${kind === row.kind}>${kind}</option>`)}
          </select>
          <input aria-label="Value ${at + 1}" placeholder="value" spellcheck="false"
            .value=${row.value} @change=${change(row, "value")} />
          <button type="button" class="quiet" aria-label="Remove row ${at + 1}" @click=${drop(at)}>✕</button>
        </div>`,
      )}
      <button type="button" class="small" @click=${add}>Add a row</button>
    </fieldset>`;
  }
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function kindOf(value) {
  if (Number.isInteger(value)) return "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "text" : "JSON";
}
