// The trainings of the project, the newest first, with how far each is.

import { dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { olderTrainings, trainings } from "./store.js";
import { isOpen, modelAddress, progressOf, statusOf } from "./words.js";

/** @typedef {import("./types.js").Training} Training */

export function TrainingList() {
  const list = trainings.value;
  return html`<section id="trainings" class="card teach-section" aria-labelledby="trainings-title">
    <div class="section-title"><h2 id="trainings-title">Trainings</h2></div>
    ${!list && html`<p class="hint">Loading…</p>`}
    ${list?.length === 0 && html`<p class="empty-note">None yet. When some minutes are reviewed, choose “Train a model”.</p>`}
    ${list && list.length > 0 && html`<ul class="teach-rows" role="list">${list.map((one) => html`<${TrainingRow} key=${one.id} training=${one} />`)}</ul>`}
    ${olderTrainings.value && html`<p class="hint">Only the newest ${list?.length} are listed here; the API has all.</p>`}
  </section>`;
}

/** @param {{training: Training}} props */
function TrainingRow({ training }) {
  return html`<li data-training=${training.id} data-status=${training.status}>
    <div class="row wrap"><a href=${`#/teach/trainings/${training.id}`}><strong>${training.model ?? training.name}</strong></a>
      <span class=${`badge ${training.stage === "paused" ? "queued" : training.status}`}>${statusOf(training)}</span>
      <span class="spring"></span><span class="hint">${dateTime(training.created_at)}</span></div>
    ${isOpen(training) && html`<${Progress} one=${training} label=${`Training of ${training.name}`} />`}
    ${training.error && html`<p class="bad">${training.error.detail}</p>`}
    <p class="hint">${training.base ? html`from <a href=${modelAddress(training.base)}>${training.base}</a>` : "without a base"}
      ${training.comparison_id && html` · <a href=${`#/teach/comparisons/${training.comparison_id}`}>comparison</a>`}</p>
  </li>`;
}

/**
 * @param {object} props
 * @param {Pick<Training, "status" | "stage" | "progress" | "eta_s">} props.one
 * @param {string} props.label
 * @param {Record<string, string>} [props.stages] in words
 */
export function Progress({ one, label, stages }) {
  const percent = Math.round(one.progress * 100);
  return html`<span class="bar" role="progressbar" aria-label=${label} aria-valuenow=${percent} aria-valuemin="0" aria-valuemax="100">
      <span style=${{ width: `${percent}%` }}></span></span>
    <p class="hint" data-is="progress">${progressOf(one, stages)}</p>`;
}
