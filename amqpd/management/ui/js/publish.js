// Publish one message to an exchange.

import { html } from "../vendor/lit-html/lit-html.js";
import * as api from "./api.js";
import { ask } from "./dialog.js";
import { Table, area, choice, text } from "./forms.js";
import { notice } from "./notices.js";

const PROPERTIES = {
  content_type: "text",
  content_encoding: "text",
  priority: "number",
  correlation_id: "text",
  reply_to: "text",
  expiration: "text",
  message_id: "text",
  timestamp: "number",
  type: "text",
  app_id: "text",
};

/** Ask for a message. `key`: the routing key that is offered; `fixed`: it is the only one. Resolves to whether it went. */
export async function publish(vhost, exchange, { key = "", fixed = false, title }) {
  const headers = new Table("Headers");
  const properties = new Table("Properties", PROPERTIES);
  let routed = true;
  const sent = await ask({
    title,
    action: "Publish",
    wide: true,
    body: (update) => html`${fixed ? "" : text("routing_key", "Routing key", { value: key, autofocus: true })}
      ${area("payload", "Payload", { rows: 6 })}
      ${choice("payload_encoding", "The payload is", [
        ["string", "text"],
        ["base64", "Base64 of octets"],
      ])}
      ${choice("delivery_mode", "Delivery", [
        ["2", "persistent"],
        ["1", "transient"],
      ])}
      ${properties.view(update)} ${headers.view(update)}`,
    submit: async (form) => {
      const given = headers.read();
      const answer = await api.post(`/exchanges${api.path(vhost, api.exchangeName(exchange))}/publish`, {
        routing_key: fixed ? key : form.get("routing_key"),
        payload: form.get("payload"),
        payload_encoding: form.get("payload_encoding"),
        properties: {
          delivery_mode: Number(form.get("delivery_mode")),
          ...properties.read(),
          ...(Object.keys(given).length ? { headers: given } : {}),
        },
      });
      routed = answer.routed;
    },
  });
  if (sent) notice(routed ? "The message is published." : "The message went nowhere: no queue is bound for it.");
  return sent;
}
