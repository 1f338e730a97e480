// Logging in at the identity provider: the authorization code flow with PKCE (RFC 6749, 7636), as a public client.
//
// The provider's access token is given to the broker once, for a token of its own, and kept nowhere. What renews it, and
// what ends the session at the provider, stays in this tab's sessionStorage for as long as somebody is logged in.

import { ApiError } from "./api.js";

const KEY = "amqpd.sso";
const PROVIDER_KEY = "amqpd.provider";
const OCTETS = 32;

/** Go to the provider. `offered`: what `/api/auth` says. Throws an ApiError where it can't be asked. */
export async function leave(offered) {
  if (!globalThis.crypto?.subtle) throw problem("Signing on needs a page that came over https, or from localhost.");
  const { authorization_endpoint: where } = await discover(offered);
  const [state, verifier] = [secret(), secret()];
  sessionStorage.setItem(KEY, JSON.stringify({ state, verifier, hash: location.hash }));
  const url = new URL(where);
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: offered.oauth_client_id,
    redirect_uri: here(),
    scope: offered.oauth_scopes,
    state,
    code_challenge: await challenge(verifier),
    code_challenge_method: "S256",
  }))
    url.searchParams.set(name, value);
  location.assign(url.href);
}

/** Whether the provider has sent the browser back here. */
export const isBack = () => {
  const given = new URLSearchParams(location.search);
  return given.has("state") && (given.has("code") || given.has("error"));
};

/** The provider's token; the answer leaves the address, whatever is in it. Throws an ApiError. */
export async function finish(offered) {
  const given = new URLSearchParams(location.search);
  const { state, verifier, hash = "" } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", here() + hash);
  if (!offered.oauth_enabled || state === undefined || given.get("state") !== state)
    throw problem("That answer of the identity provider was not asked for here. Log in again.");
  if (given.has("error")) {
    const reason = given.get("error_description") ?? given.get("error");
    throw problem(`The identity provider refuses: ${reason}`);
  }
  const { issuer, token_endpoint: where, end_session_endpoint: end } = await discover(offered);
  if (given.has("iss") && given.get("iss") !== issuer) throw problem("The answer came from another identity provider.");
  const asked = {
    grant_type: "authorization_code",
    code: given.get("code"),
    redirect_uri: here(),
    client_id: offered.oauth_client_id,
    code_verifier: verifier,
  };
  return granted(asked, { client: offered.oauth_client_id, where, end });
}

/** Whether the provider gave something to ask for another token with. */
export const isRenewable = () => kept()?.refresh !== undefined;

/** Another token of the provider (RFC 6749, 6). Throws an ApiError, whose status is 0 where the provider is not reached. */
export async function renew() {
  const session = kept();
  const asked = { grant_type: "refresh_token", refresh_token: session.refresh, client_id: session.client };
  return granted(asked, session);
}

/** Forget the session; return the address that ends it at the provider too (OpenID Connect RP-Initiated Logout 1.0), or null. */
export function leaveSession() {
  const session = kept();
  sessionStorage.removeItem(PROVIDER_KEY);
  if (!isAddress(session?.end)) return null;
  const url = new URL(session.end);
  url.searchParams.set("client_id", session.client);
  url.searchParams.set("post_logout_redirect_uri", here());
  if (session.id !== undefined) url.searchParams.set("id_token_hint", session.id);
  return url.href;
}

const kept = () => JSON.parse(sessionStorage.getItem(PROVIDER_KEY) ?? "null");

/** The access token that is given for this; what comes with it is kept, and what doesn't stays as it was. */
async function granted(asked, session) {
  const found = await fetched(session.where, { method: "POST", body: new URLSearchParams(asked) });
  if (typeof found.access_token !== "string") throw problem("The identity provider gives no access token.");
  const { refresh_token: refresh = session.refresh, id_token: id = session.id } = found;
  sessionStorage.setItem(PROVIDER_KEY, JSON.stringify({ ...session, refresh, id }));
  return found.access_token;
}

/** The page itself, without a query: what the provider has to know as the client's address. */
const here = () => new URL(location.pathname, location.origin).href;

/** The provider's own description of itself (OpenID Connect Discovery 1.0). */
async function discover({ oauth_provider_url: provider }) {
  const base = provider.replace(/\/$/, "");
  const found = await fetched(`${base}/.well-known/openid-configuration`);
  if (found.issuer?.replace(/\/$/, "") !== base)
    throw problem(`The identity provider calls itself ${found.issuer}, and not ${provider}.`);
  for (const name of ["authorization_endpoint", "token_endpoint"])
    if (!isAddress(found[name])) throw problem(`The identity provider names no ${name}.`);
  return found;
}

const isAddress = (text) => /^https?:\/\//.test(text ?? "");

async function fetched(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, credentials: "omit", cache: "no-store" });
  } catch {
    throw problem(`The identity provider does not answer at ${new URL(url).origin}.`);
  }
  const found = await response.json().catch(() => ({}));
  if (!response.ok)
    throw problem(`The identity provider refuses: ${found.error_description ?? found.error ?? response.status}`, response.status);
  return found;
}

const problem = (reason, status = 0) => new ApiError(status, "sso", reason);

const secret = () => base64url(crypto.getRandomValues(new Uint8Array(OCTETS)));

const challenge = async (verifier) =>
  base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));

const base64url = (octets) =>
  btoa(String.fromCharCode(...octets))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
