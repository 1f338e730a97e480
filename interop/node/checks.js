/** Comparisons that say what differs. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { within } from "./waiting.js";

/** Fail unless both are deeply and strictly equal (types, -0 and NaN included). */
export function same(actual, expected, what) {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
}

/** Fail unless both hold the same octets. */
export function sameOctets(actual, expected, what) {
  ok(actual instanceof Uint8Array, `${what}: octets expected, not ${typeof actual}`);
  if (Buffer.compare(actual, expected) === 0) return;
  const at = expected.findIndex((octet, index) => octet !== actual[index]);
  throw new Error(`${what}: ${actual.length} octets, not ${expected.length}; the first difference is at ${at}`);
}

/** Fail unless `condition` holds. */
export function must(condition, what) {
  if (!condition) throw new Error(what);
}

/** The error that `promise` is rejected with; fails when it is not. */
export async function rejection(promise, what) {
  const outcome = await within(
    promise.then(
      (value) => ({ value }),
      (error) => ({ error }),
    ),
    what,
  );
  must(outcome.error !== undefined, `${what}: accepted, with ${JSON.stringify(outcome.value)}`);
  return outcome.error;
}
