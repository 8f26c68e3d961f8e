// A model's card: what it finds, where it comes from, when it was in use.

import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { size } from "../core/format.js";
import { html } from "../core/html.js";
import { keyVersion, tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { CompareDialog } from "./compare_dialog.js";
import { archive, fileOf, SwapButton } from "./model_actions.js";
import { Words } from "./model_history.js";
import { ReanalyseDialog } from "./reanalyse_dialog.js";
import { canSwap, canTeach } from "./scopes.js";
import { models, watch } from "./store.js";
import { Gone } from "./gone.js";
import { minutesOf, modelAddress } from "./words.js";
import { Action } from "../ui/action.js";

/** @param {{id: string}} props the model's name */
export function ModelView({ id: name }) {
  const [model, setModel] = useState(/** @type {import("./types.js").ModelDetails | null} */ (null));
  const [isGone, setGone] = useState(false);
  useEffect(watch, [keyVersion.value]);
  const listed = models.value?.find((one) => one.name === name);
  useEffect(() => {
    call(`/models/${encodeURIComponent(name)}`).then(setModel, (error) => {
      if (error instanceof Problem && error.status === 404) setGone(true);
      else tell(error);
    });
  }, [name, keyVersion.value, listed?.is_default, listed?.is_archived]);
  useEffect(() => {
    document.title = `${name} · model`;
    return () => { document.title = "Touchline"; };
  }, [name]);
  if (isGone) return html`<${Gone} what="model" />`;
  if (!model) return html`<p class="hint">Loading…</p>`;
  return html`<article class="teach" data-ready="true">
    <${Title} model=${model} />
    ${model.problem && html`<p class="trouble inline">${model.problem}</p>`}
    <div class="teach-grid"><${Facts} model=${model} /><${Lineage} model=${model} /></div>
    <${History} model=${model} />
  </article>`;
}

/** @param {{model: import("./types.js").ModelDetails}} props */
function Title({ model }) {
  const [asked, setAsked] = useState("");
  const isUsable = !model.problem && !model.is_archived;
  return html`<header class="teach-title">
    <p class="no-print"><a class="quiet-link" href="#/teach">← Teach</a></p>
    <div class="row wrap"><h1>${model.name}</h1>
      ${model.is_default && html`<span class="badge succeeded">default</span>`}
      ${model.is_archived && html`<span class="badge">archived</span>`}
      <span class="spring"></span>
      <${SwapButton} model=${model} isMain />
      ${canTeach.value && isUsable && html`<button type="button" class="small no-print" onClick=${() => setAsked("compare")}>Compare…</button>
        <button type="button" class="small no-print" onClick=${() => setAsked("analyse")}>Analyse again…</button>`}
      <a class="button small no-print" href=${fileOf(model.name)} download>Export</a>
      ${canSwap.value && !model.is_default && !model.is_bundled && html`<${Action} class="small no-print" act=${() => archive(model)}>${model.is_archived ? "Restore" : "Archive"}<//>`}
    </div>
    ${asked === "compare" && html`<${CompareDialog} first=${model.name} onClose=${() => setAsked("")} />`}
    ${asked === "analyse" && html`<${ReanalyseDialog} first=${model.name} onClose=${() => setAsked("")} />`}
  </header>`;
}

/** @param {{model: import("./types.js").ModelDetails}} props */
function Facts({ model }) {
  const { input, architecture, thresholds } = model;
  return html`<section class="card teach-section" aria-labelledby="facts-title"><h2 id="facts-title">What it finds</h2>
    <table class="figures grid"><thead><tr><th scope="col">Type</th><th scope="col" class="number">Threshold</th></tr></thead>
      <tbody>${model.labels.map((/** @type {string} */ label) => html`<tr key=${label}><th scope="row">${label}</th>
        <td class="number">${thresholds[label]?.toFixed(2) ?? "–"}</td></tr>`)}</tbody></table>
    <dl class="facts">
      ${input.width && html`<dt>Picture</dt><dd>${input.width} × ${input.height} pixels</dd>`}
      ${input.fps && html`<dt>Steps a second</dt><dd>${input.fps}</dd>`}
      ${architecture.feature_arch && html`<dt>Network</dt><dd>${architecture.feature_arch}, ${architecture.temporal_arch}, ${architecture.clip_len} steps</dd>`}
      <dt>File</dt><dd>${size(model.size_bytes)}</dd>
      ${model.sha256 && html`<dt>SHA-256</dt><dd class="mono">${model.sha256}</dd>`}
    </dl></section>`;
}

/** @param {{model: import("./types.js").ModelDetails}} props */
function Lineage({ model }) {
  const { provenance, ancestors } = model;
  const { lineage } = provenance;
  return html`<section class="card teach-section" aria-labelledby="lineage-title"><h2 id="lineage-title">Where it comes from</h2>
    <dl class="facts">
      ${ancestors.length > 0 && html`<dt>Base</dt><dd>${ancestors.map((/** @type {string} */ name, /** @type {number} */ index) => html`
        ${index > 0 && ", made from "}<a key=${name} href=${modelAddress(name)}>${name}</a>`)}</dd>`}
      ${lineage && html`<${Taught} lineage=${lineage} />`}
      ${provenance.trained_on && html`<dt>Trained on</dt><dd>${provenance.trained_on}</dd>`}
      ${(provenance.steps ?? 0) > 0 && html`<dt>Steps</dt><dd>${provenance.steps}</dd>`}
      ${provenance.version && html`<dt>Made by</dt><dd>Touchline ${provenance.version}</dd>`}
      ${provenance.licence && html`<dt>Licence</dt><dd>${provenance.licence}</dd>`}
      ${provenance.notes && html`<dt>Notes</dt><dd>${provenance.notes}</dd>`}
    </dl>
    ${!lineage && !provenance.trained_on && html`<p class="hint">Its file does not tell.</p>`}
  </section>`;
}

/** What a training wrote into the file that it made. @param {{lineage: Record<string, any>}} props */
function Taught({ lineage: { training, minutes, events } }) {
  return html`
    ${training && html`<dt>Training</dt><dd><a href=${`#/teach/trainings/${training}`}>how it went</a></dd>`}
    ${typeof minutes === "number" && html`<dt>Learned from</dt><dd>${minutesOf(minutes)} that people reviewed</dd>`}
    ${events && html`<dt>Events</dt><dd>${Object.entries(events).map(([type, count]) => `${count} ${type}`).join(", ")}</dd>`}`;
}

/** @param {{model: import("./types.js").ModelDetails}} props */
function History({ model }) {
  if (!model.chosen.length) return null;
  return html`<section class="card teach-section" aria-labelledby="history-title"><h2 id="history-title">When it was chosen</h2>
    <ol class="teach-rows" role="list">${model.chosen.map((/** @type {import("./types.js").Choice} */ one) => html`<li key=${one.created_at}><${Words} choice=${one} /></li>`)}</ol></section>`;
}
