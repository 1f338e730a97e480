// What has been done, said for some seconds in a corner, and to screen readers.

import { html, render } from "../vendor/lit-html/lit-html.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";

const SHOWN = 8000; // milliseconds
let shown = [];

export function notice(text) {
  const entry = { text };
  shown = [...shown, entry].slice(-4);
  draw();
  setTimeout(() => drop(entry), SHOWN);
}

function drop(entry) {
  shown = shown.filter((each) => each !== entry);
  draw();
}

function draw() {
  render(
    repeat(
      shown,
      (entry) => entry,
      (entry) => html`<div class="notice">
        <span>${entry.text}</span>
        <button class="quiet" aria-label="Dismiss: ${entry.text}" @click=${() => drop(entry)}>✕</button>
      </div>`,
    ),
    document.getElementById("notices"),
  );
}
