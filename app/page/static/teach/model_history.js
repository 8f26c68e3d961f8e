// Which model was the default when, and who chose it.

import { dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { modelAddress } from "./words.js";

/** @typedef {import("./types.js").Choice} Choice */

const SHOWN = 20;

/** @param {{choices: readonly Choice[]}} props */
export function History({ choices }) {
  if (!choices.length) return null;
  return html`<details class="figures-table"><summary>Who chose which default</summary>
    <ol class="teach-rows" role="list">${choices.slice(0, SHOWN).map((one) => html`<li key=${one.created_at}><${Words} choice=${one} /></li>`)}</ol></details>`;
}

/** @param {{choice: Choice}} props */
export function Words({ choice: { name, before, is_rollback: isBack, created_by: who, created_at: at } }) {
  return html`<span><span class="hint">${dateTime(at)}</span> ${who ?? "a key of another project"} ${isBack ? "went back to" : "chose"} ${" "}
    <a href=${modelAddress(name)}>${name}</a>${before && ` in place of ${before}`}</span>`;
}
