// The dialog that takes in a model file.

import { useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { announce } from "../core/notices.js";
import { Dialog } from "../ui/dialog.js";
import { importFile } from "./model_actions.js";
import { nameOf } from "./words.js";

/** @param {{onClose: () => void}} props */
export function ImportDialog({ onClose }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const take = () => {
    const chosen = field.current?.files?.[0];
    if (chosen) setName(nameOf(chosen.name));
  };
  /** @param {Event} event */
  const send = async (event) => {
    event.preventDefault();
    const file = field.current?.files?.[0];
    if (isSending) return undefined;
    if (!file) return setProblem("Choose a model file, which ends with .touchline.");
    if (!name.trim()) return setProblem("Give the model a name.");
    setSending(true);
    try {
      setProblem("");
      const made = await importFile(file, name.trim());
      announce(`${made.name} is imported.`);
      return onClose();
    } catch (error) {
      return setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setSending(false);
    }
  };
  return html`<${Dialog} title="Import a model" onClose=${onClose} id="import-dialog">
    <form onSubmit=${send} noValidate>
      ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
      <p class="hint">A file of another Touchline, such as “Export” saves it. Take files only from people whom you trust.</p>
      <label>File <input name="file" type="file" accept=".touchline" ref=${field} onChange=${take} autofocus /></label>
      <label>Name <input name="name" maxlength="200" autocomplete="off" value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} /></label>
      ${isSending && html`<p class="hint" role="status">Sending and checking it…</p>`}
      <div class="row end"><button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="main" aria-disabled=${isSending}>Import</button></div>
    </form>
  <//>`;
}
