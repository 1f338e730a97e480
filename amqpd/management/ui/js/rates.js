// Rates from two looks at a counter, and what charts show of the last minutes.

const KEPT = 150; // points of a history
const SERIES = 60; // histories; the one that was added to longest ago goes first
const counters = new Map();
const histories = new Map();
const LOOKS = 5000; // counters that are remembered

/** The change of a counter in one second since it was last looked at; undefined at the first look. */
export function rate(key, count, now = performance.now()) {
  const before = counters.get(key);
  counters.delete(key);
  counters.set(key, { count, now });
  if (counters.size > LOOKS) counters.delete(counters.keys().next().value);
  if (before === undefined || now <= before.now) return undefined;
  return Math.max(0, ((count - before.count) * 1000) / (now - before.now));
}

/** Rates of some counters of `message_stats`; one that is absent counts as 0. */
export function rates(key, stats, names) {
  return Object.fromEntries(names.map((name) => [name, rate(`${key} ${name}`, stats?.[name] ?? 0)]));
}

/** Add a point, an object of numbers, to a history; return its points, each with its `at` in milliseconds. */
export function record(key, values) {
  const points = [...(histories.get(key) ?? []), { at: Date.now(), ...values }].slice(-KEPT);
  histories.delete(key);
  histories.set(key, points);
  if (histories.size > SERIES) histories.delete(histories.keys().next().value);
  return points;
}
