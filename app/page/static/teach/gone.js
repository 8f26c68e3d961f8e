// What stands in place of something that is not there.

import { html } from "../core/html.js";

/** @param {{what: string}} props */
export function Gone({ what }) {
  return html`<div class="card"><h1>This ${what} is not here</h1><p>It was deleted, or the address is wrong.</p>
    <p><a href="#/teach">Back to Teach</a></p></div>`;
}
