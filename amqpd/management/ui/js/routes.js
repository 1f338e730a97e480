// All pages: the first part of an address chooses one, names behind it another of the same section.

import { overview } from "./pages/overview.js";
import { channel, channels } from "./pages/channels.js";
import { connection, connections } from "./pages/connections.js";
import { definitions } from "./pages/definitions.js";
import { exchange } from "./pages/exchange.js";
import { exchanges } from "./pages/exchanges.js";
import { features } from "./pages/features.js";
import { limits } from "./pages/limits.js";
import { log } from "./pages/log.js";
import { missing } from "./pages/missing.js";
import { permissions } from "./pages/permissions.js";
import { policies } from "./pages/policies.js";
import { queue } from "./pages/queue.js";
import { queues, streams } from "./pages/queues.js";
import { user, users } from "./pages/users.js";
import { vhost, vhosts } from "./pages/vhosts.js";

const PAGES = {
  "": { 0: overview },
  connections: { 0: connections, 1: connection },
  channels: { 0: channels, 1: channel },
  exchanges: { 0: exchanges, 2: exchange },
  queues: { 0: queues, 2: queue },
  streams: { 0: streams },
  vhosts: { 0: vhosts, 1: vhost },
  users: { 0: users, 1: user },
  permissions: { 0: permissions },
  policies: { 0: policies },
  limits: { 0: limits },
  definitions: { 0: definitions },
  features: { 0: features },
  log: { 0: log },
};

/** The page of an address: how to open it, the names it is about, and the section it belongs to. */
export function find([section = "", ...names]) {
  const open = Object.hasOwn(PAGES, section) ? PAGES[section][names.length] : undefined;
  return { open: open ?? missing, names, section };
}

/** What the menu offers a user. */
export function links(app) {
  const watch = [
    ["", "Overview"],
    ["connections", "Connections"],
    ["channels", "Channels"],
    ["exchanges", "Exchanges"],
    ["queues", "Queues"],
    ["streams", "Streams"],
  ];
  if (app.isMonitoring) watch.push(["log", "Log"]);
  const admin = [];
  if (app.isAdministrator) {
    admin.push(["vhosts", "Virtual hosts"], ["users", "Users"], ["permissions", "Permissions"]);
  }
  if (app.makesPolicies) admin.push(["policies", "Policies"]);
  if (app.isAdministrator) admin.push(["limits", "Limits"], ["definitions", "Definitions"], ["features", "Features"]);
  const groups = [{ name: "Watch", items: watch }];
  return admin.length ? [...groups, { name: "Administer", items: admin }] : groups;
}
