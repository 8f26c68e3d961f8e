// Teach: what is reviewed becomes a model, which is compared and chosen.

import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { keyVersion } from "../core/notices.js";
import { ComparisonList } from "./comparison_list.js";
import { ModelList } from "./model_list.js";
import { PathView } from "./path_view.js";
import { ReanalyseDialog } from "./reanalyse_dialog.js";
import { ReadinessView } from "./readiness_view.js";
import { canTeach } from "./scopes.js";
import { StartDialog } from "./start_dialog.js";
import { models, readiness, trainings, watch } from "./store.js";
import { TrainingList } from "./training_list.js";

export function TeachView() {
  const [asked, setAsked] = useState(/** @type {"" | "start" | "analyse"} */ (""));
  useEffect(watch, [keyVersion.value]);
  const close = () => setAsked("");
  const isKnown = readiness.value && trainings.value && models.value;
  return html`
    <div class="teach" data-ready=${Boolean(isKnown)}>
      <div class="row wrap">
        <div><h1>Teach</h1>
          <p class="hint">What people reviewed becomes a model of your own, judged on stretches that it has not seen. Only a person puts it to use.</p></div>
        <span class="spring"></span>
        ${canTeach.value && html`<button id="start-training" type="button" class="main no-print" onClick=${() => setAsked("start")}>Train a model</button>`}
      </div>
      ${!canTeach.value && html`<p class="notice">Your key may look at trainings, and start none: that takes a key with the scope <b>write</b>.</p>`}
      <${PathView} onAsk=${setAsked} />
      <div class="teach-grid">
        <${ReadinessView} />
        <${TrainingList} />
      </div>
      <${ModelList} onAnalyse=${() => setAsked("analyse")} />
      <${ComparisonList} />
      ${asked === "start" && html`<${StartDialog} onClose=${close} />`}
      ${asked === "analyse" && html`<${ReanalyseDialog} onClose=${close} />`}
    </div>`;
}
