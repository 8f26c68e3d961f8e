// Models compared on stretches that none of them has learned from.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { counted } from "../core/format.js";
import { html } from "../core/html.js";
import { announce, attempt, keyVersion, tell } from "../core/notices.js";
import { Poll } from "../core/poll.js";
import { Problem } from "../core/problem.js";
import { goTo } from "../core/router.js";
import { Confirm } from "../ui/dialog.js";
import { ErrorsList } from "./errors_list.js";
import { FiguresOfTypes } from "./comparison_table.js";
import { ModelKey } from "./intervals.js";
import { SwapButton } from "./model_actions.js";
import { loadModels, models } from "./store.js";
import { canTeach } from "./scopes.js";
import { learnTitles, titleOfVideo } from "./titles.js";
import { Progress } from "./training_list.js";
import { Gone } from "./gone.js";
import { COMPARISON_STAGES, isOpen, minutesOf, modelAddress, statusOf, VERDICTS } from "./words.js";

/** @typedef {import("./types.js").Comparison} Comparison */

const BUSY_MS = 1500, CALM_MS = 30000;

/** @param {{id: string}} props */
export function ComparisonView({ id }) {
  const [comparison, setComparison] = useState(/** @type {Comparison | null} */ (null));
  const [isGone, setGone] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const poll = useRef(/** @type {Poll | null} */ (null));
  useEffect(() => {
    poll.current = new Poll(async () => {
      const found = await call(`/comparisons/${id}`);
      setComparison(found);
      learnTitles(found.holdout.left_out.map((/** @type {any} */ one) => one.video_id));
      return isOpen(found) ? BUSY_MS : CALM_MS;
    }, { onFailure: (error) => (error instanceof Problem && error.status === 404 ? setGone(true) : tell(error)) });
    poll.current.now();
    loadModels().catch(tell);
    return () => poll.current?.stop();
  }, [keyVersion.value]);
  const title = comparison ? comparison.models.map(({ name }) => name).join(" and ") : "";
  useEffect(() => {
    if (title) document.title = `${title} · comparison`;
    return () => { document.title = "Touchline"; };
  }, [title]);
  if (isGone) return html`<${Gone} what="comparison" />`;
  if (!comparison) return html`<p class="hint">Loading…</p>`;
  return html`<article class="teach" data-ready="true">
    <header class="teach-title">
      <p class="no-print"><a class="quiet-link" href="#/teach">← Teach</a></p>
      <div class="row wrap"><h1>Comparison</h1>
        ${comparison.status !== "succeeded" && html`<span class=${`badge ${comparison.status}`} role="status">${statusOf(comparison)}</span>`}
        <span class="spring"></span>
        <button type="button" class="small no-print" onClick=${() => print()}>Print</button>
        ${canTeach.value && html`<button type="button" class="small danger no-print" onClick=${() => setAsked(true)}>Delete</button>`}</div>
      <p class="hint">On ${minutesOf(comparison.holdout.minutes)} of ${counted(comparison.holdout.videos, "video")} that people reviewed. ${comparison.holdout.note}
        ${comparison.training_id && html` <a href=${`#/teach/trainings/${comparison.training_id}`}>The training</a> held it out.`}</p>
    </header>
    ${isOpen(comparison) && html`<section class="card teach-state" aria-label="Progress">
      <${Progress} one=${comparison} label="Comparison" stages=${COMPARISON_STAGES} /></section>`}
    ${comparison.status === "failed" && html`<p class="trouble inline" role="alert">${comparison.error?.detail}</p>`}
    ${comparison.status === "canceled" && html`<p class="notice">This comparison was canceled.</p>`}
    <${Verdict} comparison=${comparison} />
    <${Models} comparison=${comparison} />
    <${Notes} comparison=${comparison} />
    ${comparison.types.length > 0 && html`<${FiguresOfTypes} comparison=${comparison} />`}
    ${comparison.status === "succeeded" && html`<${ErrorsList} comparison=${comparison} />`}
    ${isAsked && html`<${Confirm} title="Delete this comparison?" action="Delete" onConfirm=${() => attempt(() => remove(id))} onClose=${() => setAsked(false)}
      words="Its figures go; if it still runs, it is canceled. The models stay." />`}
  </article>`;
}

/** @param {string} id */
async function remove(id) {
  await call(`/comparisons/${id}`, { method: "DELETE" });
  announce("Deleted.");
  goTo("/teach");
}

/** What the figures leave out. @param {{comparison: Comparison}} props */
function Notes({ comparison: { left_out: leftOut, unknown, warnings, holdout } }) {
  const nobody = Object.entries(unknown).map(([type, times]) => `${type} (${times})`).join(", ");
  return html`
    ${warnings.map((words) => html`<p key=${words} class="notice">${words}</p>`)}
    ${Object.entries(leftOut).filter(([, types]) => types.length).map(([name, types]) => html`<p key=${name} class="notice">${name} does not know ${types.join(", ")}.</p>`)}
    ${nobody && html`<p class="notice">No model knows ${nobody}.</p>`}
    ${holdout.left_out.map(({ video_id: id, why }) => html`<p key=${id} class="notice">${titleOfVideo(id)} is left out: ${why}</p>`)}`;
}

/** @param {{comparison: Comparison}} props */
function Verdict({ comparison: { verdict } }) {
  if (!verdict) return null;
  return html`<section class="card verdict" aria-labelledby="verdict-title">
    <h2 id="verdict-title" class="unseen">Verdict</h2>
    <p class="verdict-words">${verdict.text}</p>
    <ul role="list">${verdict.by_type.map(({ type, events, against, verdict: kind, text }) => html`<li key=${`${type} ${against}`} data-verdict=${kind}>
      <span class="mark" aria-hidden="true">${VERDICTS[kind]?.mark ?? ""}</span> <strong>${type}</strong> ${text || VERDICTS[kind]?.words} <span class="hint">${events} ${events === 1 ? "event" : "events"}</span></li>`)}</ul>
  </section>`;
}

/** @param {{comparison: Comparison}} props */
function Models({ comparison }) {
  const known = models.value ?? [];
  return html`<ul class="compared-models" role="list" aria-label="Models">${comparison.models.map(({ name }, index) => {
    const model = known.find((one) => one.name === name);
    return html`<li key=${name} class="card row wrap"><${ModelKey} index=${index} /> <a href=${modelAddress(name)}><strong>${name}</strong></a>
      ${model?.is_default && html`<span class="badge succeeded">default</span>`}
      ${!model && models.value && html`<span class="badge">not here any more</span>`}
      <span class="spring"></span>
      ${model && html`<${SwapButton} model=${model} />`}</li>`;
  })}</ul>`;
}
