// An address that leads nowhere.

import { html } from "../../vendor/lit-html/lit-html.js";
import { heading } from "../parts.js";

export function missing() {
  return {
    title: "No such page",
    load: async () => {},
    view: () => html`${heading("No such page")}<p>Nothing has this address. <a href="#/">Overview</a></p>`,
  };
}
