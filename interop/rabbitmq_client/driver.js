/** Every scenario, with rabbitmq-client's channels, and its consumers, publishers and RPC where those are the point. */
import { run } from "../node/run.js";
import { cancel, get, prefetch, replyTo, requeue } from "./consuming.js";
import { blocked, connectOptions, heartbeats, reconnect, tls } from "./connections.js";
import { headerTypes, largeMessage, publishConsume } from "./contents.js";
import { confirms, mandatory, transactions } from "./publishing.js";
import { declareBind, exclusive } from "./topology.js";

await run({
  "connect-options": connectOptions,
  "declare-bind": declareBind,
  "publish-consume": publishConsume,
  "header-types": headerTypes,
  confirms,
  mandatory,
  get,
  requeue,
  prefetch,
  transactions,
  exclusive,
  cancel,
  "reply-to": replyTo,
  "large-message": largeMessage,
  heartbeats,
  reconnect,
  blocked,
  tls,
});
