/** What the runner tells a driver, and what a driver may ask of it. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { within } from "./waiting.js";

export const url = process.env.AMQP_URL;
export const tlsUrl = process.env.AMQPS_URL;
export const prefix = process.env.INTEROP_PREFIX;

/** The name of a queue or exchange that is this run's own. */
export const name = (word) => `${prefix}-${word}`;

/** The authority that signed the broker's certificate, in PEM. */
export const authority = () => readFileSync(process.env.AMQP_CA_FILE);

/** The broker's URL with other parts: `password`, `vhost` and query `parameters`. */
export function urlWith({ password, vhost, parameters = {} }) {
  const changed = new URL(url);
  if (password !== undefined) changed.password = password;
  if (vhost !== undefined) changed.pathname = `/${encodeURIComponent(vhost)}`;
  for (const [key, value] of Object.entries(parameters)) changed.searchParams.set(key, value);
  return changed.href;
}

/** Ask the runner for `close-connections`, `block` or `unblock`; resolves when it is done. */
export async function ask(request) {
  const lines = createInterface({ input: process.stdin });
  const answer = new Promise((resolve) => lines.once("line", resolve));
  process.stdout.write(`@ ${request}\n`);
  const line = await within(answer, `the runner's answer to ${request}`);
  lines.close();
  if (line !== "done") throw new Error(`the runner answered ${JSON.stringify(line)} to ${request}`);
}
