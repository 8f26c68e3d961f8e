// The comparisons of the project, and how another one is asked for.

import { useState } from "preact/hooks";
import { dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { CompareDialog } from "./compare_dialog.js";
import { canTeach } from "./scopes.js";
import { comparisons, readiness, usableModels } from "./store.js";
import { Progress } from "./training_list.js";
import { COMPARISON_STAGES, isOpen, statusOf } from "./words.js";

export function ComparisonList() {
  const [isAsked, setAsked] = useState(false);
  const list = comparisons.value;
  const canCompare = usableModels.value.length > 1 && (readiness.value?.minutes ?? 0) > 0;
  return html`<section id="comparisons" class="card teach-section" aria-labelledby="comparisons-title">
    <div class="section-title"><h2 id="comparisons-title">Comparisons</h2><span class="spring"></span>
      ${canTeach.value && canCompare && html`<button type="button" class="small no-print" onClick=${() => setAsked(true)}>Compare models…</button>`}</div>
    ${!list && html`<p class="hint">Loading…</p>`}
    ${list?.length === 0 && html`<p class="empty-note">None yet. Each training ends with one, against its base${canCompare ? "; any models can be compared on what is reviewed" : ""}.</p>`}
    ${list && list.length > 0 && html`<ul class="teach-rows" role="list">${list.map((one) => html`<li key=${one.id} data-comparison=${one.id}>
      <div class="row wrap"><a href=${`#/teach/comparisons/${one.id}`}><strong>${one.models.map(({ name }) => name).join(", ")}</strong></a>
        ${one.status !== "succeeded" && html`<span class=${`badge ${one.status}`}>${statusOf(one)}</span>`}
        <span class="spring"></span><span class="hint">${dateTime(one.created_at)}</span></div>
      ${isOpen(one) && html`<${Progress} one=${one} label="Comparison" stages=${COMPARISON_STAGES} />`}
      ${one.status === "failed" && html`<p class="bad">${one.error?.detail}</p>`}
      ${one.verdict && html`<p>${one.verdict.text}</p>`}</li>`)}</ul>`}
    ${isAsked && html`<${CompareDialog} onClose=${() => setAsked(false)} />`}
  </section>`;
}
