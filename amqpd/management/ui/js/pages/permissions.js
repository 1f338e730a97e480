// What all users may do.

import { html } from "../../vendor/lit-html/lit-html.js";
import { grants } from "../grants.js";
import { heading } from "../parts.js";

export function permissions(app) {
  const { load, view } = grants(app);
  return { title: "Permissions", load, view: () => html`${heading("Permissions")}${view()}` };
}
