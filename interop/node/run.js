/**
 * Runs one scenario of a client: `node driver.js BUILD SCENARIO`.
 *
 * The driver stays where it is and only its client is installed in BUILD, so that nothing is written beside the
 * sources; `installed` therefore looks the client up there.
 */
import { createRequire } from "node:module";
import { join } from "node:path";

const LIMIT = 45_000; // ms for a whole scenario, calls of the client that never settle included

const [build, scenario] = process.argv.slice(2);

/** The package of that name which was installed in the build folder. */
export function installed(name) {
  return createRequire(join(build, "package.json"))(name);
}

/** Run the named scenario of `scenarios` (name to function) and end the process: 0, or 1 and the reason. */
export async function run(scenarios) {
  if (!Object.hasOwn(scenarios, scenario)) {
    fail(new Error(`no scenario ${scenario}; there are ${Object.keys(scenarios).join(", ")}`));
  }
  process.on("uncaughtException", fail);
  setTimeout(() => fail(new Error(`no end after ${LIMIT / 1000} s`)), LIMIT).unref();
  await scenarios[scenario]().then(() => process.exit(0), fail);
}

function fail(error) {
  console.error(error.stack ?? error, error.cause ?? "");
  process.exit(1);
}
