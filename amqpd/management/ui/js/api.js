// The management API, asked with fetch. Every answer that is no success becomes an ApiError with the broker's reason.

import { plainly } from "./plain.js";

const base = new URL("api", document.baseURI).href;
let authorization = null;
let renew = async () => false;
let renewing = null;

export class ApiError extends Error {
  constructor(status, error, reason) {
    super(reason);
    this.status = status;
    this.error = error;
  }
}

/** Send this Authorization header from now on; null: none. */
export function authorize(header) {
  authorization = header;
}

/** Call this when a login has ended: it resolves to whether another one has taken its place. */
export function renewWith(renewal) {
  renew = renewal;
}

export const get = (path, options) => request("GET", path, options);
export const put = (path, body) => request("PUT", path, { body });
export const post = (path, body) => request("POST", path, { body });
export const postAsNobody = (path, body) => request("POST", path, { body, asNobody: true });
/** The beginning of a list, `{items, total}`: a few out of what may be very many. */
export async function first(amount, path, options) {
  const { items, total_count: total } = await get(`${path}?page=1&page_size=${amount}`, options);
  return { items, total };
}

/** The names of what is listed there, without the work of counting anything. */
export async function names(path, options) {
  return (await get(`${path}?columns=name&disable_stats=true`, options)).map(({ name }) => name);
}

export const remove = (path, headers) => request("DELETE", path, { headers });

async function request(method, path, options = {}) {
  const used = authorization;
  try {
    return await requestOnce(method, path, options);
  } catch (error) {
    if (options.asNobody || used === null || error.status !== 401 || error.error !== "not_authorized") throw error;
    // Of several requests the first renews the login, and the others wait for that, or come when it is done.
    if (authorization === used && !(await (renewing ??= renew().finally(() => (renewing = null))))) throw error;
    if (authorization === null) throw error;
  }
  return requestOnce(method, path, options);
}

async function requestOnce(method, path, { body, signal, headers, asNobody = false } = {}) {
  let response;
  try {
    response = await fetch(base + path, {
      method,
      signal,
      cache: "no-store",
      // The header alone says who asks; "omit" also keeps the browser from asking for a login in a window of its own.
      credentials: "omit",
      headers: { ...headers, ...(authorization === null || asNobody ? {} : { authorization }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "The broker does not answer. This page tries again.");
  }
  const text = await response.text();
  if (!response.ok) throw refusal(response.status, text);
  return text === "" ? null : JSON.parse(text);
}

function refusal(status, text) {
  let error = `status ${status}`;
  let reason = text;
  try {
    ({ error, reason } = JSON.parse(text));
  } catch {
    // no JSON: a proxy in between answers as it likes
  }
  return new ApiError(status, error, plainly(reason) || error);
}

/** A path of names: each may hold any character. */
export function path(...names) {
  return names.map((name) => `/${encode(name)}`).join("");
}

/** A name as one part of a path. Octets that are no UTF-8 are lone surrogates here, and themselves in the path. */
export function encode(name) {
  return name
    .split(/([\udc80-\udcff])/u)
    .map((part, at) => (at % 2 ? `%${(part.charCodeAt(0) - 0xdc00).toString(16)}` : encodeURIComponent(part)))
    .join("");
}

/** The name that `encode` was given. */
export function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part.replace(/%([0-9a-f]{2})/gi, (_, digits) => {
      const octet = parseInt(digits, 16);
      return String.fromCharCode(octet < 0x80 ? octet : 0xdc00 + octet);
    });
  }
}

/** How paths call an exchange: the default one has no name. */
export const exchangeName = (name) => (name === "" ? "amq.default" : name);
