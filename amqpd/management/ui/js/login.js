// The login page.

import { html, render } from "../vendor/lit-html/lit-html.js";
import * as session from "./session.js";
import * as sso from "./sso.js";

const told = ({ error, message }) => (error === "not_authorized" ? "User name or password is wrong." : message);

/** Show it, and call `enter(user)` once somebody is logged in. `reason`: why it is shown, if there is one. */
export function showLogin(root, enter, reason = "") {
  let error = reason;
  let busy = false;
  let offered = { oauth_enabled: false };

  async function look() {
    try {
      offered = await session.ways();
    } catch {
      return; // who logs in will be told
    }
    update();
  }

  async function leave() {
    [busy, error] = [true, ""];
    update();
    try {
      await sso.leave(offered);
    } catch (failure) {
      [busy, error] = [false, failure.message];
      update();
    }
  }

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    [busy, error] = [true, ""];
    update();
    try {
      enter(await session.logIn(form.get("name"), form.get("password")));
    } catch (failure) {
      [busy, error] = [false, told(failure)];
      update();
      root.querySelector("#password").select();
    }
  }

  const signOn = () => html`<button type="button" class="primary" ?disabled=${busy} @click=${leave}>
      Log in at ${new URL(offered.oauth_provider_url).host}
    </button>
    ${offered.oauth_disable_basic_auth ? "" : html`<p class="muted">or</p>`}`;

  const fields = () => html`<p class="muted">Log in with a user of the broker that has a management tag.</p>
    <label for="name">User name</label>
    <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required />
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" />
    <button class=${offered.oauth_enabled ? "" : "primary"} ?disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>`;

  function update() {
    render(
      html`<main class="login">
        <form class="card login-card" @submit=${submit} aria-labelledby="login-title">
          <img src="icon.svg" alt="" width="48" height="48" />
          <h1 id="login-title">amqpd</h1>
          <div role="alert">${error ? html`<p class="problem">${error}</p>` : ""}</div>
          ${offered.oauth_enabled ? signOn() : ""} ${offered.oauth_disable_basic_auth ? "" : fields()}
        </form>
      </main>`,
      root,
    );
  }

  document.title = "Log in · amqpd";
  update();
  root.querySelector("#name").focus();
  look();
}
