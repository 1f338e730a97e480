// Rates from two looks at a counter, and what charts show of the last minutes.

import { count, rate as perSecond } from "./format.js";

/** What charts of messages show: rates, and what is in queues. */
export const RATES = [
  { name: "Publish", key: "publish", show: perSecond },
  { name: "Deliver", key: "deliver_get", show: perSecond },
  { name: "Acknowledge", key: "ack", show: perSecond },
];
export const COUNTERS = RATES.map(({ key }) => key);
export const QUEUED = [
  { name: "Ready", key: "ready", show: count },
  { name: "Unacknowledged", key: "unacked", show: count },
];

const LONGEST = 600_000; // milliseconds of a history
const STEP = 5; // seconds between two samples of the broker
const SERIES = 60; // histories; the one that was added to longest ago goes first
const counters = new Map();
const histories = new Map();
const LOOKS = 5000; // counters that are remembered

/** The change of a counter in one second since it was last looked at; undefined at the first look. */
export function rate(key, total, now = performance.now()) {
  const before = counters.get(key);
  counters.delete(key);
  counters.set(key, { total, now });
  if (counters.size > LOOKS) counters.delete(counters.keys().next().value);
  if (before === undefined || now <= before.now) return undefined;
  return Math.max(0, ((total - before.total) * 1000) / (now - before.now));
}

/** Rates of some counters of `message_stats`; one that is absent counts as 0. At the first look they are the broker's. */
export function rates(key, stats, names) {
  const one = (name) => rate(`${key} ${name}`, stats?.[name] ?? 0) ?? stats?.[`${name}_details`]?.rate;
  return Object.fromEntries(names.map((name) => [name, one(name)]));
}

/** What to ask the API for at the first look, so that it tells of the past: a query. */
export function past(key) {
  if (histories.has(key)) return "";
  const kinds = ["lengths", "msg_rates", "data_rates"];
  return `?${kinds.map((kind) => `${kind}_age=${LONGEST / 1000}&${kind}_incr=${STEP}`).join("&")}`;
}

/**
 * Begin a history with what the broker has sampled, if this is its beginning. Both arguments are objects of
 * `*_details`: `counted` of counters, whose rates are kept, and `measured` of numbers that are kept as they are.
 *
 * Samples from before the broker looked at an object are 0: the history begins with the first that isn't.
 */
export function begin(key, counted, measured = {}) {
  if (histories.has(key)) return;
  const oldestFirst = ([name, details]) => [name, (details?.samples ?? []).toReversed()];
  const counters = Object.entries(counted).map(oldestFirst);
  const lengths = Object.entries(measured).map(oldestFirst);
  const lines = [...counters, ...lengths].filter(([, line]) => line.length);
  const times = lines.length ? lines[0][1].map(({ timestamp }) => timestamp) : [];
  const first = times.findIndex((_, at) => lines.some(([, line]) => line[at].sample !== 0));
  const points = [];
  for (let at = first; at >= 0 && at < times.length; at++) {
    const point = { at: Date.now() - times.at(-1) + times[at] };
    for (const [name, line] of lengths) point[name] = line[at]?.sample;
    if (at > first) {
      for (const [name, line] of counters)
        point[name] = line.length ? (line[at].sample - line[at - 1].sample) / STEP : 0;
    }
    points.push(point);
  }
  histories.set(key, points);
}

/** Add a point, an object of numbers, to a history; return its points, each with its `at` in milliseconds. */
export function record(key, values) {
  const now = Date.now();
  const points = [...(histories.get(key) ?? []), { at: now, ...values }].filter(({ at }) => now - at < LONGEST);
  histories.delete(key);
  histories.set(key, points);
  if (histories.size > SERIES) histories.delete(histories.keys().next().value);
  return points;
}

/** Add to the history of messages: `stats` are message_stats, `lengths` has the counts of messages in queues. */
export function recordMessages(key, stats = {}, lengths = {}, more = {}) {
  const { messages_ready: ready, messages_unacknowledged: unacked } = lengths;
  begin(key, details(stats, COUNTERS), {
    ready: lengths.messages_ready_details,
    unacked: lengths.messages_unacknowledged_details,
  });
  return record(key, { ...rates(key, stats, COUNTERS), ready, unacked, ...more });
}

/** The `*_details` of some names of `message_stats`. */
export const details = (stats, names) => Object.fromEntries(names.map((name) => [name, stats?.[`${name}_details`]]));
