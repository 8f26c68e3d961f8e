// The models that are installed, each with its versions, and which one analyses use.

import { useState } from "preact/hooks";
import { counted } from "../core/format.js";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";
import { Menu } from "../ui/menu.js";
import { CompareDialog } from "./compare_dialog.js";
import { archive, fileOf, RollBackButton, SwapButton } from "./model_actions.js";
import { History } from "./model_history.js";
import { ImportDialog } from "./import_dialog.js";
import { ReanalyseDialog } from "./reanalyse_dialog.js";
import { canSwap, canTeach } from "./scopes.js";
import { choice, models } from "./store.js";
import { inFamilies, modelAddress } from "./words.js";

/** @typedef {import("./types.js").Model} Model */

/** @param {{onAnalyse: () => void}} props */
export function ModelList({ onAnalyse }) {
  const [isAll, setAll] = useState(false);
  const [isImporting, setImporting] = useState(false);
  const list = models.value;
  const archived = list?.filter(({ is_archived: isArchived }) => isArchived).length ?? 0;
  const shown = inFamilies((list ?? []).filter((one) => isAll || !one.is_archived));
  return html`<section id="models" class="card teach-section" aria-labelledby="models-title">
    <${Title} onAnalyse=${onAnalyse} onImport=${() => setImporting(true)} />
    ${choice.value?.is_fixed && html`<p class="notice">The operator has set TOUCHLINE_MODEL: ${choice.value.name} is the default until that is taken away.</p>`}
    ${!list && html`<p class="hint">Loading…</p>`}
    ${list?.length === 0 && html`<p class="empty-note">None is installed. Import a model file, or train one without a base.</p>`}
    ${shown.length > 0 && html`<ul class="teach-rows" role="list">${shown.map((model) => html`<${ModelRow} key=${model.name} model=${model} />`)}</ul>`}
    ${archived > 0 && html`<label class="check"><input type="checkbox" checked=${isAll} onChange=${(/** @type {any} */ event) => setAll(event.target.checked)} />
      show ${counted(archived, "archived model")}</label>`}
    <${History} choices=${choice.value?.history ?? []} />
    ${isImporting && html`<${ImportDialog} onClose=${() => setImporting(false)} />`}
  </section>`;
}

/** @param {{onAnalyse: () => void, onImport: () => void}} props */
function Title({ onAnalyse, onImport }) {
  return html`<div class="section-title"><h2 id="models-title">Models</h2><span class="spring"></span>
    <${RollBackButton} />
    ${canTeach.value && html`<button type="button" class="small no-print" onClick=${onAnalyse}>Analyse again…</button>`}
    ${canSwap.value && html`<button type="button" class="small no-print" onClick=${onImport}>Import a file…</button>`}</div>`;
}

/** @param {{model: Model}} props */
function ModelRow({ model }) {
  const [asked, setAsked] = useState(/** @type {"" | "compare" | "analyse"} */ (""));
  const { name, problem } = model;
  const isUsable = !problem && !model.is_archived;
  const items = [
    ...(canTeach.value && isUsable ? [{ label: "Compare…", act: () => setAsked("compare") }, { label: "Analyse again…", act: () => setAsked("analyse") }] : []),
    { label: "Export the file", act: () => location.assign(fileOf(name)) },
    ...(canSwap.value && !model.is_default && !model.is_bundled
      ? [{ label: model.is_archived ? "Restore" : "Archive", act: () => attempt(() => archive(model)) }] : []),
  ];
  return html`<li data-model=${name}>
    <div class="row wrap"><a href=${modelAddress(name)}><strong>${name}</strong></a>
      ${model.is_default && html`<span class="badge succeeded">default</span>`}
      ${model.is_bundled && html`<span class="badge">came with Touchline</span>`}
      ${model.is_archived && html`<span class="badge">archived</span>`}
      <span class="spring"></span>
      <span class="row"><${SwapButton} model=${model} /><${Menu} label=${`Actions for ${name}`} items=${items} /></span></div>
    ${model.labels.length > 0 && html`<p class="hint">${model.labels.join(", ")}</p>`}
    ${problem && html`<p class="bad">${problem}</p>`}
    ${asked === "compare" && html`<${CompareDialog} first=${name} onClose=${() => setAsked("")} />`}
    ${asked === "analyse" && html`<${ReanalyseDialog} first=${name} onClose=${() => setAsked("")} />`}
  </li>`;
}
