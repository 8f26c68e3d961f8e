// The first-time path as a checklist, each step with a link to where it is done.

import { html } from "../core/html.js";
import { persisted } from "../core/persisted.js";
import { currentOf, stepsOf } from "./path.js";
import { canTeach } from "./scopes.js";
import { choice, readiness, trainings, types, videos } from "./store.js";

/** @type {import("@preact/signals").Signal<boolean>} */
const isShown = persisted("touchline_teach_path", true);

/** @param {{onAsk: (dialog: "start" | "analyse") => void}} props */
export function PathView({ onAsk }) {
  if (!readiness.value || !trainings.value || !types.value || !videos.value) return html`<p class="hint">Loading…</p>`;
  const steps = stepsOf({
    readiness: readiness.value, trainings: trainings.value, types: types.value, videos: videos.value, usual: choice.value?.name ?? null,
  });
  const current = currentOf(steps);
  const done = steps.filter(({ isDone }) => isDone).length;
  return html`<details class="card teach-path no-print" open=${isShown.value} onToggle=${(/** @type {any} */ event) => { isShown.value = event.target.open; }}>
    <summary><h2>From a video to a model of your own</h2> <span class="hint">${done} of ${steps.length} steps done</span></summary>
    <ol role="list">${steps.map((step, index) => html`<${Row} key=${step.id} step=${step} number=${index + 1} isCurrent=${index === current} onAsk=${onAsk} />`)}</ol>
  </details>`;
}

/**
 * @param {object} props
 * @param {import("./path.js").Step} props.step
 * @param {number} props.number
 * @param {boolean} props.isCurrent
 * @param {(dialog: "start" | "analyse") => void} props.onAsk
 */
function Row({ step, number, isCurrent, onAsk }) {
  const { asks, href, label } = step;
  const look = `small ${isCurrent ? "main" : ""}`;
  return html`<li class=${step.isDone ? "is-done" : ""} aria-current=${isCurrent ? "step" : undefined} data-step=${step.id}>
    <span class="mark" aria-hidden="true">${step.isDone ? "✓" : number}</span>
    <div><h3>${step.title}<span class="unseen">${step.isDone ? ", done" : ""}</span></h3><p class="hint">${step.words}</p></div>
    ${href && html`<a class=${`button ${look}`} href=${href} aria-label=${`${label}: ${step.title}`}>${label}</a>`}
    ${asks && canTeach.value && html`<button type="button" class=${look} aria-label=${`${label}: ${step.title}`} onClick=${() => onAsk(asks)}>${label}</button>`}
  </li>`;
}
