// The routing of an exchange as a picture: who publishes into it, where its messages go, and on through other exchanges.
//
// `explore` asks the API, `picture` draws, `sentences` says the same in words.

import { html, nothing, svg } from "../vendor/lit-html/lit-html.js";
import * as api from "./api.js";
import { many } from "./format.js";
import { exchangeLink, queueLink } from "./parts.js";

const MOST = 40; // nodes that are drawn
const LOOKED_AT = 200; // bindings of one exchange
const DEEPEST = 4; // exchanges one behind the other
const [WIDE, HIGH, GAP, BETWEEN, MARGIN] = [190, 38, 16, 170, 12];

/** The graph around an exchange: `{nodes, edges, left, more}`; `left`: nodes, `more`: bindings that were left out. */
export async function explore(vhost, name, signal) {
  const graph = { vhost, nodes: new Map(), edges: new Map(), left: new Set(), more: 0 };
  const root = place(graph, "exchange", name, 0);
  const at = (exchange) => `/exchanges${api.path(vhost, api.exchangeName(exchange))}`;
  const incoming =
    name === "" ? { items: [] } : await api.first(LOOKED_AT, `${at(name)}/bindings/destination`, { signal });
  for (const binding of incoming.items) connect(graph, place(graph, "exchange", binding.source, -1), root, binding);
  const open = [root];
  while (open.length) {
    const node = open.shift();
    if (node.level === DEEPEST) continue;
    const [found, known] = await Promise.all([
      api.first(LOOKED_AT, `${at(node.name)}/bindings/source`, { signal }),
      api.get(at(node.name), { signal }),
    ]);
    node.type = known.type;
    graph.more += found.total - found.items.length;
    const targets = found.items.map((binding) => [binding.destination_type, binding.destination, binding]);
    const alternate = known.arguments?.["alternate-exchange"];
    if (alternate) targets.push(["exchange", alternate, { routing_key: "everything else", alternate: true }]);
    for (const [kind, target, binding] of targets) {
      const isNew = !graph.nodes.has(`${kind} ${target}`);
      const reached = place(graph, kind, target, node.level + 1);
      connect(graph, node, reached, binding);
      if (isNew && reached !== null && kind === "exchange") open.push(reached);
    }
  }
  return graph;
}

function place(graph, kind, name, level) {
  const id = `${kind} ${name}`;
  if (graph.nodes.has(id)) return graph.nodes.get(id);
  if (graph.nodes.size >= MOST) {
    graph.left.add(id);
    return null;
  }
  const node = { id, kind, name, level };
  graph.nodes.set(id, node);
  return node;
}

function connect(graph, from, to, binding) {
  if (from === null || to === null) return;
  const id = `${from.id}\n${to.id}`;
  const edge = graph.edges.get(id) ?? { from, to, bindings: [] };
  edge.bindings.push(binding);
  graph.edges.set(id, edge);
}

/** What an edge says: its routing key, or how many bindings there are. */
function label({ bindings }) {
  if (bindings.length > 1) return many(bindings.length, "binding");
  const [{ routing_key: key, arguments: given }] = bindings;
  const more = Object.keys(given ?? {}).length ? " + arguments" : "";
  return (key || (more ? "" : "(empty key)")) + more;
}

const cut = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);

/** The graph as SVG. It is hidden from screen readers, which get the sentences. */
export function picture(graph) {
  const columns = new Map();
  for (const node of graph.nodes.values()) columns.set(node.level, [...(columns.get(node.level) ?? []), node]);
  const levels = [...columns.keys()].sort((one, other) => one - other);
  const tallest = Math.max(...[...columns.values()].map((nodes) => nodes.length));
  const height = tallest * (HIGH + GAP) - GAP + 2 * MARGIN;
  const width = levels.length * (WIDE + BETWEEN) - BETWEEN + 2 * MARGIN;
  const spots = new Map();
  levels.forEach((level, column) => {
    const nodes = columns.get(level);
    const step = (height - 2 * MARGIN) / nodes.length;
    nodes.forEach((node, at) =>
      spots.set(node, { x: MARGIN + column * (WIDE + BETWEEN), y: MARGIN + step * (at + 0.5) - HIGH / 2 }),
    );
  });
  return html`<div class="graph" tabindex="0" role="region" aria-label="Picture of the routing">
    <svg viewBox="0 0 ${width} ${height}" width=${width} height=${height} aria-hidden="true">
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0 8 4 0 8z" />
        </marker>
      </defs>
      ${[...graph.edges.values()].map((edge) => line(edge, spots))}
      ${[...graph.nodes.values()].map((node) => box(node, spots.get(node), graph.vhost))}
    </svg>
  </div>`;
}

function line(edge, spots) {
  const [from, to] = [spots.get(edge.from), spots.get(edge.to)];
  const back = to.x <= from.x;
  const [x1, y1] = [from.x + WIDE, from.y + HIGH / 2];
  const [x2, y2] = [back ? to.x + WIDE : to.x - 2, to.y + HIGH / 2];
  const bend = BETWEEN / 2;
  const path = `M${x1} ${y1} C${x1 + bend} ${y1} ${back ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}`;
  const [x, y] = back ? [Math.max(x1, x2) + bend * 0.7, (y1 + y2) / 2] : [x2 - BETWEEN / 2 + 8, y1 + (y2 - y1) * 0.62];
  const said = cut(label(edge), 17);
  return svg`<path class=${edge.bindings[0].alternate ? "edge alternate" : "edge"} d=${path} marker-end="url(#arrow)"/>
    <rect class="edge-back" x=${x - said.length * 3.4 - 4} y=${y - 9} width=${said.length * 6.8 + 8} height="18" rx="4"/>
    <text class="edge-label" x=${x} y=${y + 4} text-anchor="middle">${said}</text>`;
}

function box(node, { x, y }, vhost) {
  const address =
    node.kind === "queue"
      ? `#/queues/${api.encode(vhost)}/${api.encode(node.name)}`
      : `#/exchanges/${api.encode(vhost)}/${api.encode(api.exchangeName(node.name))}`;
  const name = node.name || "(default exchange)";
  return svg`<a href=${address} tabindex="-1" class="node ${node.kind} ${node.level === 0 ? "root" : ""}">
    <title>${node.kind} ${name}</title>
    <rect x=${x} y=${y} width=${WIDE} height=${HIGH} rx=${node.kind === "queue" ? 6 : HIGH / 2}/>
    <text x=${x + WIDE / 2} y=${y + (node.type ? 17 : 24)} text-anchor="middle">${cut(name, 22)}</text>
    ${node.type ? svg`<text class="kind" x=${x + WIDE / 2} y=${y + 31} text-anchor="middle">${node.type}</text>` : nothing}
  </a>`;
}

/** The graph in words. */
export function sentences(graph) {
  const link = (node) =>
    node.kind === "queue" ? queueLink(graph.vhost, node.name) : exchangeLink(graph.vhost, node.name);
  const edges = [...graph.edges.values()];
  if (edges.length === 0) return html`<p class="empty">Nothing is bound to it: it drops what is published to it.</p>`;
  return html`<details class="sentences">
    <summary>The same in words</summary>
    <ul>
      ${edges.map(
        (edge) => html`<li>Exchange ${link(edge.from)} to ${edge.to.kind} ${link(edge.to)}:
          ${edge.bindings
            .map((each) => label({ bindings: [each] }))
            .slice(0, 20)
            .join(", ")}${edge.bindings.length > 20 ? ", …" : ""}</li>`,
      )}
    </ul>
  </details>
  ${
    graph.left.size || graph.more
      ? html`<p class="muted">Not shown: ${many(graph.left.size, "target")}, ${many(graph.more, "binding")}.</p>`
      : nothing
  }`;
}
