// What to check first: how good the timeline is likely to be, how long to the target.

import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { ActionButton, STATES, stateOf, useReview } from "./context.js";
import { DraftInput } from "./fields.js";
import { lengthOf } from "./intervals.js";
import { prefs, setPrefs, timings } from "./prefs.js";
import { timecode } from "./timecode.js";

/** @typedef {{value: number, low: number, high: number} | null} Range */

const SHOWN = 50;

/** Why an event is to be checked. @type {Record<string, string>} */
const REASONS = {
  doubt: "doubtful", disagreement: "types disagree", ghost: "may be missing", sample: "spot check",
};

/** @type {Record<string, string>} */
const SOURCES = { measured: "measured in this match", asked: "as you measured", stated: "assumed" };

export function CheckPanel() {
  const review = useReview();
  const { model, loader } = review;
  model.table.value;
  const order = review.order().slice(0, SHOWN);
  const share = lengthOf(model.reviewed.value) / model.duration.value;
  /** @type {Map<string, string>} */
  const reasons = new Map((model.plan.value?.items ?? []).map((/** @type {any} */ one) => [one.event_id, one.reason]));
  /** @param {string} text */
  const setTarget = (text) => {
    const target = Number(text) / 100;
    if (target > 0 && target <= 1) setPrefs({ target });
    loader.readPriority().catch(tell);
  };
  return html`<div class="panel-text check-panel">
    <${Estimates} />
    <div class="row wrap target">
      <label>Target: precision of <${DraftInput} class="small" type="number" min="50" max="100" step="1" data-is="target"
        value=${Math.round(prefs().target * 100)} onGiven=${setTarget} /> %</label>
      <span class="spring"></span>
      <${ActionButton} action="next-uncertain" className="small-tool">Next<//>
    </div>
    <p class="hint">${Math.round(share * 100)} % of the match is reviewed.</p>
    <${Saved} />
    <h3>Check in this order</h3>
    ${order.length === 0 && html`<p class="hint">Nothing is left to check.</p>`}
    <ol class="check-list">${order.map((event) => html`<li key=${event.id} style=${{ "--tone": model.colours.value[event.type] }}>
      <button type="button" class="quiet" onClick=${() => review.select(event)}><span class="mono">${timecode(event.time_s, 1)}</span>
        <span class="type"><span class="swatch"></span>${event.type}</span>
        <span class="mono">${event.score?.toFixed(2) ?? ""}</span>
        <small>${REASONS[reasons.get(event.id) ?? ""] ?? STATES[stateOf(event)]}</small></button></li>`)}</ol>
    <${TypeQualities} />
  </div>`;
}

function Estimates() {
  const { model } = useReview();
  const told = model.plan.value;
  if (!told) return html`<p class="hint">No estimate: it needs suggestions of a model.</p>`;
  const { overall, target, seconds_per_decision: seconds, seconds_source: source } = told;
  return html`<dl class="estimates">
      <${Estimate} name="Precision" range=${overall.precision} />
      <${Estimate} name="Recall" range=${overall.recall} />
      <div><dt>To the target</dt><dd data-is="minutes">${target.minutes === null ? "not reachable" : minutesText(target.minutes)}
        ${target.decisions && html`<small>${Math.round(target.decisions.value)} decisions</small>`}</dd></div>
    </dl>
    <p class="hint">${overall.decided} of ${overall.events} events are decided; ${seconds.toFixed(1)} s a decision, ${SOURCES[source]}.
      ${!told.ghosts_known && " The score curves are gone, so what is missing can only be guessed."}</p>`;
}

/** @param {{name: string, range: Range}} props */
function Estimate({ name, range }) {
  return html`<div><dt>${name}</dt><dd data-is=${name.toLowerCase()}>${range ? percent(range.value) : "–"}
    ${range && html`<small title="The interval in which it lies with 95 %">${percent(range.low)} to ${percent(range.high)}</small>`}</dd></div>`;
}

/** @param {number} value */
function percent(value) { return `${Math.round(value * 100)} %`; }

/** @param {{value: number, low: number, high: number}} minutes */
function minutesText({ value }) {
  if (value <= 0) return "reached";
  return value < 1 ? "< 1 min" : `${Math.round(value)} min`;
}

/** How good each type is. */
function TypeQualities() {
  const { model } = useReview();
  /** @type {[string, {precision: Range, recall: Range, events: number, decided: number}][]} */
  const types = Object.entries(model.plan.value?.types ?? {});
  if (!types.length) return null;
  return html`<h3>By type</h3><table class="qualities">
    <thead><tr><th scope="col">Type</th><th scope="col">Decided</th><th scope="col">Precision</th><th scope="col">Recall</th></tr></thead>
    <tbody>${types.map(([type, { precision, recall, events, decided }]) => html`<tr key=${type} style=${{ "--tone": model.colours.value[type] }}>
      <th scope="row"><span class="swatch"></span> ${type}</th><td>${decided}/${events}</td>
      <td>${precision ? percent(precision.value) : "–"}</td><td>${recall ? percent(recall.value) : "–"}</td></tr>`)}</tbody></table>`;
}

/** What the person's own timings say, if they are kept. */
function Saved() {
  const own = timings.now;
  if (!own.isOn) return null;
  const { savedMin, perDecision } = own;
  const saved = savedMin >= 0 ? `${savedMin.toFixed(1)} min saved` : `${(-savedMin).toFixed(1)} min more than by hand`;
  return html`<p class="hint" data-is="saved">${perDecision === null ? "No decision timed yet" : `${perDecision.toFixed(1)} s a decision`} · ${saved},
    against ${own.stored.byHand} min by hand for a minute of video.</p>`;
}
