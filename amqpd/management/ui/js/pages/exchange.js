// One exchange: what is bound to it, and a picture of where its messages go.

import { html } from "../../vendor/lit-html/lit-html.js";
import * as api from "../api.js";
import { bind, bindings } from "../bindings.js";
import { chart } from "../chart.js";
import { confirm } from "../dialog.js";
import { many, rate } from "../format.js";
import { explore, picture, sentences } from "../graph.js";
import { notice } from "../notices.js";
import { badge, facts, features, heading, page, pairs, section } from "../parts.js";
import { publish } from "../publish.js";
import { begin, details, past, rates, record } from "../rates.js";

const COUNTERS = ["publish_in", "publish_out"];
const RATES = [
  { name: "In", key: "publish_in", show: rate },
  { name: "Out", key: "publish_out", show: rate },
];

export function exchange(app, [vhost, given]) {
  const name = given === "amq.default" ? "" : given;
  const at = `/exchanges${api.path(vhost, given)}`;
  const key = `exchange ${vhost} ${name}`;
  const shown = name || "(default exchange)";
  const reload = () => app.reload();
  let now = null;
  let graph = null;
  let points = [];
  const from = bindings(app, {
    caption: "Bindings from this exchange",
    path: `${at}/bindings/source`,
    end: "destination",
    none: "Nothing is bound to it.",
    inside: "from",
  });
  const to = bindings(app, {
    caption: "Bindings to this exchange",
    path: `${at}/bindings/destination`,
    end: "source",
    none: "No other exchange sends to it.",
    inside: "to",
  });

  async function load(signal) {
    [now, graph] = await Promise.all([
      api.get(`${at}${past(key)}`, { signal }),
      explore(vhost, name, signal),
      from.load(signal),
      to.load(signal),
    ]);
    begin(key, details(now.message_stats, COUNTERS));
    points = record(key, rates(key, now.message_stats, COUNTERS));
  }

  async function remove() {
    const gone = await confirm({
      title: `Delete exchange ${name}?`,
      lost: html`The exchange <strong>${name}</strong> in virtual host <strong>${vhost}</strong> goes, with
        ${many(from.total + to.total, "binding")}. Clients that publish to it get an error.`,
      action: "Delete the exchange",
      submit: () => api.remove(at),
    });
    if (!gone) return;
    notice(`Exchange ${name} is deleted.`);
    app.go("#/exchanges");
  }

  const newMessage = () => publish(vhost, name, { title: `Publish to ${shown}` });

  function view() {
    if (now === null) return page(heading(shown, { above: "Exchange" }));
    const own = name !== "" && !name.startsWith("amq.");
    const head = heading(shown, {
      above: html`Exchange in ${vhost}`,
      badges: html`${badge(now.type, "type")} ${features(now)}`,
      actions: html`${now.internal ? "" : html`<button @click=${newMessage}>Publish…</button>`}
        ${name === "" ? "" : html`<button @click=${() => bind(vhost, { source: name }, reload)}>Bind…</button>`}
        ${own ? html`<button class="danger" @click=${remove}>Delete…</button>` : ""}`,
    });
    return page(
      head,
      html`${section("Routing", html`${graph.edges.size ? picture(graph) : ""}${sentences(graph)}`)}
      <div class="charts">
        ${section("Rates", chart("Message rates", RATES, points))}
        ${section(
          "Facts",
          facts([
            ["Policy", now.policy ?? "none"],
            ["Messages that wait for their time", now.messages_delayed],
            ["Arguments", pairs(now.arguments)],
          ]),
        )}
      </div>
      ${section("Bindings from here", from.view())}
      ${section("Bindings to here", to.view())}`,
    );
  }

  return { title: `Exchange ${shown}`, load, view };
}
