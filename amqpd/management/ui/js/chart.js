// A line chart of the last minutes: SVG that takes its colours from the style sheet, and its words for screen readers.

import { html, nothing, render, svg } from "../vendor/lit-html/lit-html.js";
import { compact, duration } from "./format.js";

const [HEIGHT, LEFT, BOTTOM, TOP] = [190, 44, 22, 8];
const LEAST = 60_000; // milliseconds that the time axis covers at least

/**
 * `series`: `{name, key, show}`, `show` being how a number is written. `points`: as `rates.record` returns them.
 * Which point the pointer is at is a matter of the chart alone, so it is a custom element.
 */
export function chart(title, series, points) {
  return html`<amqpd-chart .data=${{ title, series, points }}></amqpd-chart>`;
}

class Chart extends HTMLElement {
  #data = null;
  #at = null;
  #width = 600;
  #sizes = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === 0 || Math.abs(contentRect.width - this.#width) < 1) return;
    this.#width = contentRect.width;
    this.#draw();
  });

  connectedCallback() {
    this.#sizes.observe(this);
  }

  disconnectedCallback() {
    this.#sizes.disconnect();
  }

  set data(data) {
    this.#data = data;
    this.#draw();
  }

  #draw() {
    const { title, series, points } = this.#data;
    const shown = this.#at === null ? points.at(-1) : nearest(points, this.#at);
    render(
      html`<figure class="chart">
        <figcaption>
          <span class="chart-title">${title}</span>
          <ul class="legend">
            ${series.map(
              ({ name, key, show }, at) =>
                html`<li class="s${at}">
                  <span class="key" aria-hidden="true"></span>${name}
                  <b>${shown?.[key] === undefined ? "–" : show(shown[key])}</b>
                </li>`,
            )}
          </ul>
        </figcaption>
        <svg viewBox="0 0 ${this.#width} ${HEIGHT}" role="img" aria-label=${words(this.#data)}
          @pointermove=${this.#point} @pointerleave=${this.#leave}>
          ${points.length ? picture(series, points, this.#width, this.#at === null ? null : shown) : nothing}
        </svg>
      </figure>`,
      this,
    );
  }

  #point = (event) => {
    const { points } = this.#data;
    if (points.length === 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    const [start, span] = times(points);
    this.#at = start + ((event.clientX - box.left - LEFT) / (box.width - LEFT)) * span;
    this.#draw();
  };

  #leave = () => {
    this.#at = null;
    this.#draw();
  };
}

customElements.define("amqpd-chart", Chart);

function words({ title, series, points }) {
  const last = points.at(-1);
  const now = series
    .filter(({ key }) => last?.[key] !== undefined)
    .map(({ name, key, show }) => `${name} ${show(last[key])}`);
  return `${title}, now: ${now.join(", ") || "nothing known yet"}`;
}

const nearest = (points, at) =>
  points.reduce((best, each) => (Math.abs(each.at - at) < Math.abs(best.at - at) ? each : best));

/** The start of the time axis, and the time that it covers. */
function times(points) {
  const end = points.at(-1).at;
  const start = Math.min(points[0].at, end - LEAST);
  return [start, end - start];
}

function picture(series, points, width, marked) {
  const [start, span] = times(points);
  const top = ceiling(Math.max(0, ...points.flatMap((each) => series.map(({ key }) => each[key] ?? 0))));
  const x = (at) => LEFT + ((at - start) / span) * (width - LEFT - 4);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const lines = series.map(({ key }, at) => {
    const known = points
      .filter((each) => each[key] !== undefined)
      .map((each) => `${x(each.at).toFixed(1)},${y(each[key]).toFixed(1)}`);
    if (known.length === 0) return nothing;
    const floor = y(0).toFixed(1);
    const [first, last] = [known[0].split(",")[0], known.at(-1).split(",")[0]];
    return svg`<g class="s${at}">
      <polygon class="fill" points="${first},${floor} ${known.join(" ")} ${last},${floor}"/>
      <polyline class="line" points=${known.join(" ")}/>
    </g>`;
  });
  return svg`
    ${[0, top / 2, top].map(
      (value) => svg`<line class="grid" x1=${LEFT} x2=${width} y1=${y(value)} y2=${y(value)}/>
        <text class="tick" x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${compact(value)}</text>`,
    )}
    <text class="tick" x=${LEFT} y=${HEIGHT - 4}>${duration(span)} ago</text>
    <text class="tick" x=${width - 2} y=${HEIGHT - 4} text-anchor="end">now</text>
    ${lines}
    ${marked ? svg`<line class="mark" x1=${x(marked.at)} x2=${x(marked.at)} y1=${TOP} y2=${HEIGHT - BOTTOM}/>` : nothing}`;
}

/** The least of 1, 2, 4, 5, 10 and so on that isn't below a value. */
function ceiling(value) {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((each) => each * power).find((each) => each >= value);
}
