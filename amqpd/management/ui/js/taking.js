// Messages taken off a queue as a client takes them, and settled as one chooses: RabbitMQ's "Get messages".

import { html } from "../vendor/lit-html/lit-html.js";
import * as api from "./api.js";
import { ask } from "./dialog.js";
import { choice, text, whole } from "./forms.js";

const MODES = [
  ["ack_requeue_true", "put back, marked as redelivered"],
  ["ack_requeue_false", "acknowledged: they are gone"],
  ["reject_requeue_true", "rejected and put back"],
  ["reject_requeue_false", "rejected: dead-lettered, or gone"],
];
const LONGEST = 10_000; // octets of a payload that are shown

/** Ask how, and take them; resolve to the messages, or to null where somebody thought better of it. */
export async function take(vhost, name) {
  let taken = null;
  await ask({
    title: `Take messages from ${name}`,
    action: "Take",
    danger: true,
    body: () => html`<p>Unlike a look, this is seen by clients: in what order and how often messages come to them.</p>
      ${text("count", "At most", { value: 1, required: true })} ${choice("ackmode", "Then they are", MODES)}`,
    submit: async (form) => {
      taken = await api.post(`/queues${api.path(vhost, name)}/get`, {
        count: whole(form.get("count"), "The number of messages"),
        ackmode: form.get("ackmode"),
        encoding: "auto",
        truncate: LONGEST,
      });
    },
  });
  return taken;
}
