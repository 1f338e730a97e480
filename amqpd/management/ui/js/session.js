// Who is logged in: the password is sent once, and a token that ends after some hours stays in this tab's sessionStorage.
// It goes nowhere but into the API's Authorization header. There is no cookie, so no other page can act in the user's name.

import * as api from "./api.js";
import * as sso from "./sso.js";

const KEY = "amqpd.token";

/** Log in, and return `{name, tags}`. Throws an ApiError for a wrong name or password. */
export async function logIn(username, password) {
  const { token, user } = await api.postAsNobody("/login", { username, password });
  sessionStorage.setItem(KEY, token.value);
  api.authorize(`Bearer ${token.value}`);
  return user;
}

/** How one may log in: what `/api/auth` says. */
export const ways = () => api.get("/auth", { asNobody: true });

/** Come back from the identity provider, logged in: return `{name, tags}`. Throws an ApiError. */
export async function signOn() {
  // The name is in the token: the broker takes that in the place of a password, and ends its own token when that ends.
  return logIn("", await sso.finish(await ways()));
}

/** The user of an earlier page of this tab; null if nobody is logged in. Throws where the broker doesn't answer. */
export async function resume() {
  const token = sessionStorage.getItem(KEY);
  if (token === null) return null;
  api.authorize(`Bearer ${token}`);
  try {
    return await api.get("/whoami");
  } catch (error) {
    if (error.status !== 401) throw error;
    forget();
    return null;
  }
}

/**
 * Log out: the token stands for nobody any more. Return the address where a session at the identity provider ends, if
 * there is one.
 */
export function forget() {
  api.remove("/login").catch(() => {}); // where nobody answers, it ends by itself
  sessionStorage.removeItem(KEY);
  api.authorize(null);
  return sso.leaveSession();
}

/** Log in again with a new token of the identity provider; false: it gives none. Throws where it isn't reached. */
async function renew() {
  if (!sso.isRenewable()) return false;
  try {
    await logIn("", await sso.renew());
    return true;
  } catch (error) {
    if (error.status === 0) throw error;
    return false;
  }
}

api.renewWith(renew);
