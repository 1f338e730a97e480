// Who is logged in: name and password stay in this tab's sessionStorage, and go nowhere but into the API's
// Authorization header. There is no cookie, so no other page can act in the user's name.

import * as api from "./api.js";

const KEY = "amqpd.login";

/** Log in, and return `{name, tags}`. Throws an ApiError for a wrong name or password. */
export async function logIn(name, password) {
  api.authorize(api.basic(name, password));
  try {
    const user = await api.get("/whoami");
    sessionStorage.setItem(KEY, api.basic(name, password));
    return user;
  } catch (error) {
    forget();
    throw error;
  }
}

/** The user of an earlier page of this tab; null if nobody is logged in. Throws where the broker doesn't answer. */
export async function resume() {
  const kept = sessionStorage.getItem(KEY);
  if (kept === null) return null;
  api.authorize(kept);
  try {
    return await api.get("/whoami");
  } catch (error) {
    if (error.status !== 401) throw error;
    forget();
    return null;
  }
}

/** Log out. */
export function forget() {
  sessionStorage.removeItem(KEY);
  api.authorize(null);
}
