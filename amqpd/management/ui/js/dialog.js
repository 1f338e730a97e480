// Questions: a form in a <dialog>, which Escape closes and which keeps what was typed when the broker refuses it.

import { html, nothing, render } from "../vendor/lit-html/lit-html.js";

let number = 0;

/**
 * Ask, and call `submit(FormData)` for a yes; resolve to whether that went through.
 *
 * `body(update)`: what the form holds, drawn again by `update`. `danger`: the focus starts at Cancel.
 */
export function ask({ title, body, action, danger = false, wide = false, submit }) {
  const dialog = document.createElement("dialog");
  const id = `dialog-${++number}`;
  let done = false;
  let busy = false;
  let error = "";

  async function send(event) {
    event.preventDefault();
    [busy, error] = [true, ""];
    update();
    try {
      await submit(new FormData(event.target));
      done = true;
      dialog.close();
    } catch (failure) {
      [busy, error] = [false, failure.message];
      update();
    }
  }

  function update() {
    render(
      html`<form @submit=${send}>
        <h2 id=${id}>${title}</h2>
        <div class="dialog-body">${body(update)}</div>
        <div role="alert">${error ? html`<p class="problem">${error}</p>` : nothing}</div>
        <div class="dialog-actions">
          <button type="button" ?autofocus=${danger} @click=${() => dialog.close()}>Cancel</button>
          <button class=${danger ? "danger" : "primary"} ?disabled=${busy}>${action}</button>
        </div>
      </form>`,
      dialog,
    );
  }

  dialog.setAttribute("aria-labelledby", id);
  if (wide) dialog.className = "wide";
  document.body.append(dialog);
  update();
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
  });
}

/** Close what is asked: there is nobody any more who may answer. */
export function dismiss() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/** Ask before something is lost. `lost`: a text or template that names it. */
export function confirm({ title, lost, action, submit }) {
  return ask({ title, body: () => html`<p>${lost}</p>`, action, danger: true, submit });
}
