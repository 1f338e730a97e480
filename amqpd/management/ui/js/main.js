// The start: who is logged in sees the app, everybody else the login page.

import { App } from "./app.js";
import { dismiss } from "./dialog.js";
import { showLogin } from "./login.js";
import * as session from "./session.js";
import * as sso from "./sso.js";

const root = document.getElementById("app");

async function start() {
  let user = null;
  try {
    user = sso.isBack() ? await session.signOn() : await session.resume();
  } catch (error) {
    showLogin(root, enter, error.message);
    return;
  }
  if (user === null) showLogin(root, enter);
  else enter(user);
}

function enter(user) {
  const app = new App(root, user, (reason) => {
    const farewell = session.forget();
    dismiss();
    // Who logs out is logged out at the identity provider too; whose login has ended may have another one there.
    if (reason === "" && farewell !== null) location.assign(farewell);
    else showLogin(root, enter, reason);
  });
  app.start();
}

start();
