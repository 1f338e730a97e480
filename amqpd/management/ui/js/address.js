// Addresses of pages: `#/queues/%2F/orders?sort=name`, each part of the path a name.

import { decode, encode } from "./api.js";

/** `{names, query}` of a hash. */
export function parse(hash) {
  const [path, text = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const names = path === "" ? [] : path.split("/").map(decode);
  return { names, query: Object.fromEntries(new URLSearchParams(text)) };
}

/** The hash of names and a query; what is null or empty in the query is left out. */
export function write(names, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const text = new URLSearchParams(kept).toString();
  return `#/${names.map(encode).join("/")}${text ? `?${text}` : ""}`;
}
