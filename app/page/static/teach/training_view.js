// One training: how far it is, its curves, its log, and what came of it.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { announce, keyVersion, tell } from "../core/notices.js";
import { Poll } from "../core/poll.js";
import { Problem } from "../core/problem.js";
import { goTo } from "../core/router.js";
import { Action } from "../ui/action.js";
import { Confirm } from "../ui/dialog.js";
import { LineChart } from "./chart.js";
import { Gone } from "./gone.js";
import { inOneRow, lossLines, typeLines } from "./curves.js";
import { Problems } from "./readiness_view.js";
import { canTeach } from "./scopes.js";
import { FiguresTable, Origin } from "./training_facts.js";
import { TrainingLog } from "./training_log.js";
import { Progress } from "./training_list.js";
import { isOpen, modelAddress, STAGES, statusOf } from "./words.js";

/** @typedef {import("./types.js").Training} Training */

const BUSY_MS = 1500, CALM_MS = 15000;
/** @type {[number, number]} */
const SHARE = [0, 1];

/** @param {{id: string}} props */
export function TrainingView({ id }) {
  const [training, setTraining] = useState(/** @type {Training | null} */ (null));
  const [isGone, setGone] = useState(false);
  const poll = useRef(/** @type {Poll | null} */ (null));
  useEffect(() => {
    poll.current = new Poll(async () => {
      const found = await call(`/trainings/${id}`);
      setTraining(found);
      return isOpen(found) ? BUSY_MS : CALM_MS;
    }, { onFailure: (error) => (error instanceof Problem && error.status === 404 ? setGone(true) : tell(error)) });
    poll.current.now();
    return () => poll.current?.stop();
  }, [keyVersion.value]);
  useEffect(() => {
    if (training) document.title = `${training.name} · training`;
    return () => { document.title = "Touchline"; };
  }, [training?.name]);
  if (isGone) return html`<${Gone} what="training" />`;
  if (!training) return html`<p class="hint">Loading…</p>`;
  return html`<article class="teach" data-ready="true">
    <${Title} training=${training} onChange=${() => poll.current?.now()} />
    <${State} training=${training} />
    <${Curves} training=${training} />
    <div class="teach-grid">
      <${FiguresTable} training=${training} />
      <${Origin} training=${training} />
    </div>
    <${TrainingLog} training=${training} />
  </article>`;
}

/** @param {{training: Training, onChange: () => unknown}} props */
function Title({ training, onChange }) {
  const [isAsked, setAsked] = useState(false);
  const cancel = async () => {
    await call(`/trainings/${training.id}/cancel`, { method: "POST" });
    announce("The training is being canceled.");
    await onChange();
  };
  const remove = async () => {
    setAsked(false);
    await call(`/trainings/${training.id}`, { method: "DELETE" });
    announce("Deleted.");
    goTo("/teach");
  };
  return html`<header class="teach-title">
    <p class="no-print"><a class="quiet-link" href="#/teach">← Teach</a></p>
    <div class="row wrap">
      <h1>${training.model ?? training.name}</h1>
      <span class=${`badge ${training.stage === "paused" ? "queued" : training.status}`} data-is="status" role="status">${statusOf(training)}</span>
      <span class="hint">asked for ${dateTime(training.created_at)}, ${training.created_by}</span>
      <span class="spring"></span>
      ${training.comparison_id && html`<a class="button main small" href=${`#/teach/comparisons/${training.comparison_id}`}>Comparison</a>`}
      ${training.model && html`<a class="button small" href=${modelAddress(training.model)}>The model</a>`}
      ${canTeach.value && isOpen(training) && html`<${Action} class="small no-print" act=${cancel}>Cancel<//>`}
      ${canTeach.value && html`<button type="button" class="small danger no-print" onClick=${() => setAsked(true)}>Delete</button>`}
    </div>
    ${isAsked && html`<${Confirm} title="Delete this training?" action="Delete" onConfirm=${remove} onClose=${() => setAsked(false)}
      words="Its curves and its log go; if it still runs, it is canceled. A model that it made stays." />`}
  </header>`;
}

/** @param {{training: Training}} props */
function State({ training }) {
  const { status, stage, error, warnings = [] } = training;
  const names = Object.keys(STAGES).filter((one) => one !== "paused");
  const at = names.indexOf(stage ?? "");
  return html`
    ${isOpen(training) && html`<section class="card teach-state" aria-label="Progress">
      <${Progress} one=${training} label=${`Training of ${training.name}`} />
      ${stage === "paused" && html`<p class="hint">Analyses go first on this machine. It goes on by itself where it was, as soon as none waits.</p>`}
      ${at >= 0 && html`<ol class="stages" role="list" aria-label="Stages">${names.map((one, index) => html`
        <li key=${one} class=${index < at ? "is-done" : ""} aria-current=${index === at ? "step" : undefined}>${STAGES[one]}</li>`)}</ol>`}
    </section>`}
    ${error && html`<p class=${status === "failed" ? "trouble inline" : "notice"} role="alert" data-is="error">${error.detail}</p>`}
    <${Problems} problems=${warnings.map((one) => ({ ...one, is_blocking: false }))} />`;
}

/** @param {{training: Training}} props */
function Curves({ training }) {
  const { loss = [], validation = [], learning = [] } = training.curves ?? {};
  const isRunning = isOpen(training);
  const later = isRunning ? "It grows here as soon as there are figures." : "This training came to no figures.";
  return html`<div class="teach-charts">
    <${LineChart} title="Average precision on the hold-out" xName="steps" lines=${typeLines(inOneRow(validation), ({ x }) => x)} range=${SHARE}
      hint="matches and stretches that it does not learn from" empty=${later} />
    <${LineChart} title="Loss" xName="steps" lines=${lossLines(loss)} empty=${later} hint="how far it is off on what it learns from" />
    <${LineChart} title="What more labels bring" xName="share of the reviewed stretches" lines=${typeLines(learning, ({ share }) => share)}
      range=${SHARE} xWritten=${percent} hint="average precision with fewer labels" empty=${later} />
  </div>`;
}

/** @param {number} share */
function percent(share) {
  return `${Math.round(share * 100)} %`;
}
