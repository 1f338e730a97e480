// The login page.

import { html, render } from "../vendor/lit-html/lit-html.js";
import * as session from "./session.js";

/** Show it, and call `enter(user)` once somebody is logged in. `reason`: why it is shown, if there is one. */
export function showLogin(root, enter, reason = "") {
  let error = reason;
  let busy = false;

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    [busy, error] = [true, ""];
    update();
    try {
      enter(await session.logIn(form.get("name"), form.get("password")));
    } catch (failure) {
      [busy, error] = [false, failure.message];
      update();
      root.querySelector("#password").select();
    }
  }

  function update() {
    render(
      html`<main class="login">
        <form class="card login-card" @submit=${submit} aria-labelledby="login-title">
          <img src="icon.svg" alt="" width="48" height="48" />
          <h1 id="login-title">amqpd</h1>
          <p class="muted">Log in with a user of the broker that has a management tag.</p>
          <div role="alert">${error ? html`<p class="problem">${error}</p>` : ""}</div>
          <label for="name">User name</label>
          <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required />
          <label for="password">Password</label>
          <input id="password" name="password" type="password" autocomplete="current-password" />
          <button class="primary" ?disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>
        </form>
      </main>`,
      root,
    );
  }

  document.title = "Log in · amqpd";
  update();
  root.querySelector("#name").focus();
}
