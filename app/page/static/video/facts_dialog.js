// Title and match facts of a video, as a form.

import { useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { announce } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { Dialog } from "../ui/dialog.js";
import { changeFacts } from "./actions.js";
import { HalvesFields } from "./halves_fields.js";
import { TeamFields } from "./team_fields.js";
import { changesOf, fieldsOf } from "./facts_form.js";

/** @typedef {import("./types.js").Video} Video */

/**
 * @param {object} props
 * @param {Video} props.video
 * @param {(video: Video) => void} props.onSaved
 * @param {() => void} props.onClose
 * @param {() => number} [props.currentTime] where a player outside stands; without, the form has its own
 */
export function FactsDialog({ video, onSaved, onClose, currentTime }) {
  // What the person has before them: the page may read the video anew meanwhile.
  const [seen] = useState(video);
  const [fields, setFields] = useState(() => fieldsOf(video));
  const [problem, setProblem] = useState("");
  const isSaving = useRef(false);
  /** @param {Partial<import("./facts_form.js").Fields>} change */
  const set = (change) => setFields((before) => ({ ...before, ...change }));
  /** @param {Event} event */
  const save = async (event) => {
    event.preventDefault();
    const read = changesOf(fields);
    if ("problem" in read) return setProblem(read.problem);
    if (isSaving.current) return undefined;
    isSaving.current = true;
    try {
      const saved = await changeFacts(seen, read.changes);
      onClose();
      onSaved(saved);
      return announce("Saved.");
    } catch (error) {
      return setProblem(error instanceof Problem ? error.message : String(error));
    } finally {
      isSaving.current = false;
    }
  };
  return html`
    <${Dialog} title="Details" onClose=${onClose} id="facts-dialog" className="wide">
      <form onSubmit=${save}>
        ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
        <label>Title
          <input name="title" maxlength="300" autocomplete="off" autofocus value=${fields.title} placeholder=${video.filename ?? ""}
            onInput=${(/** @type {any} */ event) => set({ title: event.target.value })} />
        </label>
        <div class="fields two">
          <label>Competition
            <input name="competition" maxlength="100" value=${fields.competition}
              onInput=${(/** @type {any} */ event) => set({ competition: event.target.value })} />
          </label>
          <label>Date
            <input name="date" type="date" value=${fields.date}
              onInput=${(/** @type {any} */ event) => set({ date: event.target.value })} />
          </label>
        </div>
        <${TeamFields} teams=${fields.teams} sides=${video.job.checkpoint?.teams ?? []} onChange=${(/** @type {any} */ teams) => set({ teams })} />
        <${HalvesFields} halves=${fields.halves} video=${video} currentTime=${currentTime} onChange=${(/** @type {any} */ halves) => set({ halves })} />
        <div class="row end">
          <button type="button" onClick=${onClose}>Cancel</button>
          <button type="submit" class="main">Save</button>
        </div>
      </form>
    <//>`;
}
