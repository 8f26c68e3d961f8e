// The dialog that starts a training.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { goTo } from "../core/router.js";
import { Dialog } from "../ui/dialog.js";
import { holdoutWords, Problems } from "./readiness_view.js";
import { firstWishes, readinessQuery, requestOf, typesOf, WITHOUT_BASE, withBase } from "./start.js";
import { Holdout, Matches, TypeFates } from "./start_fields.js";
import { choice, models, readiness, readinessOf, refresh, trainings, usableModels } from "./store.js";
import { familyOf, STARTS } from "./words.js";

/** @typedef {import("./start.js").Wishes} Wishes */

const REST_MS = 300;

/** @param {{onClose: () => void}} props */
export function StartDialog({ onClose }) {
  const isKnown = readiness.value && models.value && choice.value;
  return html`<${Dialog} title="Train a model" onClose=${onClose} id="start-dialog" className="wide">
    ${isKnown ? html`<${Form} known=${readiness.value} onClose=${onClose} />` : html`<p class="hint">Loading…</p>`}
  <//>`;
}

/** @param {{known: import("./types.js").Readiness, onClose: () => void}} props known: of all that is reviewed */
function Form({ known: all, onClose }) {
  const [wishes, setWishes] = useState(() => firstWishes({ models: usableModels.peek(), usual: choice.peek()?.name ?? null }));
  const [problem, setProblem] = useState("");
  const known = useReadiness(wishes) ?? all;
  const isSending = useRef(false);
  const [post] = useState(() => new IdempotentPost());
  const words = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => { if (problem) words.current?.scrollIntoView({ block: "nearest" }); }, [problem]);
  /** @param {Partial<Wishes>} change */
  const set = (change) => setWishes((before) => ({ ...before, ...change }));
  const base = usableModels.value.find(({ name }) => name === wishes.base);
  const types = typesOf(wishes, base, known);
  /** @param {Event} event */
  const send = async (event) => {
    event.preventDefault();
    const asked = requestOf(wishes, types);
    if ("problem" in asked) return setProblem(asked.problem);
    if (isSending.current) return undefined;
    isSending.current = true;
    try {
      setProblem("");
      const made = await post.send("/trainings", asked.json);
      onClose();
      refresh();
      return goTo(`/teach/trainings/${made.id}`);
    } catch (error) {
      return setProblem(error instanceof Problem ? error.message : String(error));
    } finally {
      isSending.current = false;
    }
  };
  return html`<form onSubmit=${send} noValidate>
      ${problem && html`<p class="trouble inline" role="alert" ref=${words}>${problem}</p>`}
      <${Problems} problems=${known.problems} />
      <${Name} wishes=${wishes} set=${set} />
      <div class="fields two equal">
        <label>Base <select name="base" value=${wishes.base} onChange=${(/** @type {any} */ event) => setWishes((before) => withBase(before, event.target.value))}>
          ${usableModels.value.map(({ name, is_default: isUsual }) => html`<option key=${name} value=${name}>${name}${isUsual ? " (default)" : ""}</option>`)}
          <option value="">none</option></select></label>
        <label>Begins with <select name="start" value=${wishes.start} onChange=${(/** @type {any} */ event) => set({ start: event.target.value })}>
          ${Object.entries(STARTS).filter(([start]) => wishes.base || WITHOUT_BASE.includes(start)).map(([start, label]) => html`
            <option key=${start} value=${start}>${label}</option>`)}</select></label>
      </div>
      <${TypeFates} types=${types} wishes=${wishes} set=${set} />
      <details class="more"><summary>Matches, hold-out and time</summary>
        <${Matches} wishes=${wishes} set=${set} />
        <${Holdout} wishes=${wishes} set=${set} note=${known.split?.note ?? ""} planned=${known.holdout ? holdoutWords(known.holdout) : ""} />
        <label>Minutes that it may take <input name="minutes" inputmode="decimal" value=${wishes.minutes} autocomplete="off"
          onInput=${(/** @type {any} */ event) => set({ minutes: event.target.value.replace(",", ".") })} /></label>
      </details>
      <div class="row end"><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="main">Train</button></div>
    </form>`;
}

/** @param {{wishes: Wishes, set: (change: Partial<Wishes>) => void}} props */
function Name({ wishes, set }) {
  const known = [...new Set((trainings.value ?? []).map(({ name }) => familyOf(name)))];
  return html`<div><label>Name of the model <input name="name" required maxlength="100" autocomplete="off" list="model-names" autofocus value=${wishes.name}
      aria-describedby="name-hint" onInput=${(/** @type {any} */ event) => set({ name: event.target.value })} /></label>
    <datalist id="model-names">${known.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
    <p id="name-hint" class="hint">Such as “hall”. A name that was used before becomes its next version: hall@2 after hall@1.</p></div>`;
}

/**
 * What is ready in the chosen matches with that hold-out; while it is asked for, what was known before; null: nothing was.
 *
 * @param {Wishes} wishes
 */
function useReadiness(wishes) {
  const [own, setOwn] = useState(/** @type {import("./types.js").Readiness | null} */ (null));
  const asked = readinessQuery(wishes);
  useEffect(() => {
    if (wishes.videos?.size === 0) return setOwn(null);
    let isLeft = false;
    const timer = setTimeout(() => {
      readinessOf(asked).then((found) => { if (!isLeft) setOwn(found); }, tell);
    }, REST_MS);
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, [asked]);
  return own;
}
