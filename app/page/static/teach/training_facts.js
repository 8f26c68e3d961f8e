// What a training learned from, and how good it came out.

import { html } from "../core/html.js";
import { counted } from "../core/format.js";
import { agreementWords, NeedLists } from "./readiness_view.js";
import { minutesOf, modelAddress, STARTS } from "./words.js";

/** @typedef {import("./types.js").Training} Training */

/** @param {{training: Training}} props */
export function FiguresTable({ training }) {
  const figures = /** @type {Record<string, import("./types.js").Figures>} */ (training.figures?.types ?? {});
  const types = Object.keys(figures);
  if (!types.length) return null;
  return html`<section class="card teach-section" aria-labelledby="figures-title">
    <div class="section-title"><h2 id="figures-title">On the hold-out</h2><p class="hint">What it had not seen</p></div>
    <div class="table-scroll" role="region" aria-label="Figures by type" tabindex="0"><table class="figures grid">
      <thead><tr><th scope="col">Type</th><th scope="col" class="number">Events</th><th scope="col" class="number">AP</th>
        <th scope="col" class="number">F1</th><th scope="col" class="number">Threshold</th></tr></thead>
      <tbody>${types.map((type) => html`<tr key=${type}><th scope="row">${type}</th><td class="number">${figures[type].events ?? "–"}</td>
        ${[figures[type].ap, figures[type].f1, figures[type].threshold].map((value, index) => html`<td key=${index} class="number">${written(value)}</td>`)}</tr>`)}</tbody>
    </table></div>
    ${(training.needs ?? []).length > 0 && html`<h3>What would help most</h3>`}
    <${NeedLists} needs=${training.needs ?? []} others=${training.no_gain_seen ?? []} />
  </section>`;
}

/** @param {number | null | undefined} value */
function written(value) {
  return typeof value === "number" ? value.toFixed(2) : "–";
}

/** @param {{training: Training}} props */
export function Origin({ training }) {
  const { base, start, data } = training;
  return html`<section class="card teach-section" aria-labelledby="origin-title">
    <h2 id="origin-title">What it learns from</h2>
    <dl class="facts">
      <dt>Base</dt><dd>${base ? html`<a href=${modelAddress(base)}>${base}</a>` : "none"}</dd>
      ${start && html`<dt>Begins with</dt><dd>${STARTS[start] ?? start}</dd>`}
      ${typeof data?.minutes === "number" && html`<dt>Reviewed</dt><dd>${minutesOf(data.minutes)}</dd>`}
      ${data?.holdout?.length > 0 && html`<dt>Hold-out</dt><dd>${counted(data?.holdout.length, "video")}, ${minutesOf(heldOutOf(data?.holdout))}</dd>`}
    </dl>
    ${data ? html`<${Data} data=${data} />` : html`<p class="hint">Told as soon as the reviewed stretches are collected.</p>`}
  </section>`;
}

/** @param {{spans: number[][]}[]} holdout @returns {number} minutes */
function heldOutOf(holdout) {
  return holdout.reduce((sum, { spans }) => sum + spans.reduce((of, [from, to]) => of + to - from, 0), 0) / 60;
}

/** @param {{data: Record<string, any>}} props */
function Data({ data: { counts, split, agreement, left_out: leftOut = [] } }) {
  const { train = {}, val = {}, test = {} } = counts ?? {};
  const types = [...new Set([train, val, test].flatMap(Object.keys))];
  return html`
    ${split?.note && html`<p class="hint">${split.note}</p>`}
    ${leftOut.map((/** @type {{video_id: string, why: string}} */ { video_id: id, why }) => html`
      <p key=${id} class="hint">Not used: <a href=${`#/videos/${id}`}>a match</a>, for ${why}.</p>`)}
    ${agreement?.decided_twice > 0 && html`<p class="hint">${agreementWords(agreement)}</p>`}
    ${types.length > 0 && html`<div class="table-scroll"><table class="figures grid">
      <caption class="unseen">Events by part</caption>
      <thead><tr><th scope="col">Type</th><th scope="col" class="number">to learn from</th><th scope="col" class="number">hold-out</th></tr></thead>
      <tbody>${types.map((type) => html`<tr key=${type}><th scope="row">${type}</th>
        <td class="number">${train[type] ?? 0}</td><td class="number">${(val[type] ?? 0) + (test[type] ?? 0)}</td></tr>`)}</tbody>
    </table></div>`}`;
}
