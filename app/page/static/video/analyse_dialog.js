// Analyse a video again, with the model that the user chooses.

import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { attempt, tell } from "../core/notices.js";
import { useOnce } from "../ui/action.js";
import { Dialog } from "../ui/dialog.js";
import { analyse } from "./actions.js";
import { loadModels, models } from "./models.js";
import { titleOf } from "./words.js";

/**
 * @param {object} props
 * @param {import("./types.js").Video} props.video
 * @param {() => void} props.onDone the job is queued
 * @param {() => void} props.onClose
 */
export function AnalyseDialog({ video, onDone, onClose }) {
  const [model, setModel] = useState("");
  useEffect(() => {
    loadModels().catch(tell);
  }, []);
  const start = useOnce(async () => {
    const isDone = await attempt(async () => {
      await analyse(video, model || undefined);
      return true;
    });
    onClose();
    if (isDone) onDone();
  });
  return html`
    <${Dialog} title=${`Analyse ${titleOf(video)}`} onClose=${onClose}>
      <form onSubmit=${start}>
        <p class="hint">The timeline that is shown stays until the new one is complete. What people decided stays.</p>
        <${ModelSelect} value=${model} onChange=${setModel} />
        <div class="row end">
          <button type="button" onClick=${onClose}>Cancel</button>
          <button type="submit" class="main">Analyse</button>
        </div>
      </form>
    <//>`;
}

/**
 * @param {object} props
 * @param {string} props.value empty: the default
 * @param {(name: string) => void} props.onChange
 * @param {boolean} [props.hasNone] offer "no model"
 */
export function ModelSelect({ value, onChange, hasNone = false }) {
  const usual = models.value.find((model) => model.is_default)?.name;
  return html`
    <label>Model
      <select name="model" value=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>
        <option value="">${usual ? `${usual} (default)` : "Default"}</option>
        ${models.value.filter((model) => !model.is_default).map(({ name }) => html`<option value=${name} key=${name}>${name}</option>`)}
        ${hasNone && html`<option value="none">No model: label by hand</option>`}
      </select>
    </label>`;
}
