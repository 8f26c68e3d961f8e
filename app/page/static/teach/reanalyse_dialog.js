// The dialog that lets a model analyse matches again: all of them, or some.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { counted } from "../core/format.js";
import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { Dialog } from "../ui/dialog.js";
import { titleOf } from "../video/words.js";
import { choice, usableModels } from "./store.js";
import { learnTitles, titleOfVideo } from "./titles.js";

/** @typedef {import("../video/types.js").Video} Video */

const REST_MS = 250, SHOWN = "50";
const LOW = -5, MOST_TOLD = 20;

/** @param {{onClose: () => void, first?: string}} props first: the model to begin with */
export function ReanalyseDialog({ onClose, first }) {
  const [picked, setModel] = useState(first);
  const usable = usableModels.value.map(({ name }) => name), usual = choice.value?.name ?? "";
  const model = picked ?? (usable.includes(usual) ? usual : usable[0] ?? ""); // They may be known later than the dialog is opened.
  const [isAll, setAll] = useState(true);
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const [problem, setProblem] = useState("");
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const isSending = useRef(false);
  /** @param {Event} event */
  const send = async (event) => {
    event.preventDefault();
    if (!isAll && chosen.size === 0) return setProblem("Choose a match, or take all of them.");
    if (isSending.current) return undefined;
    isSending.current = true;
    try {
      setProblem("");
      const found = await call("/analyses", { method: "POST", json: { model, videos: isAll ? "all" : [...chosen], priority: LOW } });
      learnTitles(found.skipped.slice(0, MOST_TOLD).map((/** @type {any} */ { video_id: id }) => id));
      return setAnswer(found);
    } catch (error) {
      return setProblem(error instanceof Problem ? error.message : String(error));
    } finally {
      isSending.current = false;
    }
  };
  return html`<${Dialog} title="Analyse again" onClose=${onClose} id="reanalyse-dialog" className="wide">
    ${answer ? html`<${Done} answer=${answer} onClose=${onClose} />` : html`<form onSubmit=${send} noValidate>
      ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
      <p class="hint">They wait behind other analyses. The timeline that is shown stays until the new one is complete, and what people decided stays for good.</p>
      <label>Model <select name="model" value=${model} onChange=${(/** @type {any} */ event) => setModel(event.target.value)}>
        ${usableModels.value.map(({ name, is_default: isUsual }) => html`<option key=${name} value=${name}>${name}${isUsual ? " (default)" : ""}</option>`)}</select></label>
      <fieldset><legend>Matches</legend>
        <div class="choices">
          <label><input type="radio" name="videos" checked=${isAll} onChange=${() => setAll(true)} /> all matches</label>
          <label><input type="radio" name="videos" checked=${!isAll} onChange=${() => setAll(false)} /> these matches</label>
        </div>
        ${!isAll && html`<${MatchTicks} chosen=${chosen} onChange=${setChosen} />`}
      </fieldset>
      <div class="row end"><button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="main" disabled=${!model}>${isAll ? "Analyse all" : `Analyse ${counted(chosen.size, "match").replace("matchs", "matches")}`}</button></div>
    </form>`}
  <//>`;
}

/** @param {{answer: {jobs: any[], skipped: {video_id: string, detail: string}[]}, onClose: () => void}} props */
function Done({ answer: { jobs, skipped }, onClose }) {
  return html`<p role="status">${jobs.length === 1 ? "1 analysis waits" : `${jobs.length} analyses wait`} for a worker. <a href="#/" onClick=${onClose}>The library</a> shows how far they are.</p>
    ${skipped.length > 0 && html`<h3>Left out</h3><ul class="skipped">${skipped.slice(0, MOST_TOLD).map(({ video_id: id, detail }) => html`
      <li key=${id}><a href=${`#/videos/${id}`}>${titleOfVideo(id)}</a>: ${detail}</li>`)}</ul>`}
    ${skipped.length > MOST_TOLD && html`<p class="hint">and ${counted(skipped.length - MOST_TOLD, "other")}.</p>`}
    <div class="row end"><button type="button" class="main" autofocus onClick=${onClose}>Close</button></div>`;
}

/**
 * Matches of the library to tick, found by a search; what is ticked stays ticked.
 *
 * @param {{chosen: Set<string>, onChange: (chosen: Set<string>) => void}} props
 */
function MatchTicks({ chosen, onChange }) {
  const [words, setWords] = useState("");
  const [found, setFound] = useState(/** @type {Video[] | null} */ (null));
  useEffect(() => {
    let isLeft = false;
    const timer = setTimeout(() => {
      const query = new URLSearchParams({ limit: SHOWN, ...(words.trim() && { q: words.trim() }) });
      call(`/videos?${query}`).then(({ items }) => { if (!isLeft) setFound(items); }, tell);
    }, found ? REST_MS : 0);
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, [words]);
  /** @param {string} id @param {boolean} isOn */
  const tick = (id, isOn) => {
    const changed = new Set(chosen);
    if (isOn) changed.add(id);
    else changed.delete(id);
    onChange(changed);
  };
  return html`<label>Search <input type="search" placeholder="title, team, competition" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    ${found?.length === 0 && html`<p class="hint">No match is found.</p>`}
    <div class="ticks" role="group" aria-label="Matches">${(found ?? []).map((video) => html`<label key=${video.id}>
      <input type="checkbox" checked=${chosen.has(video.id)} onChange=${(/** @type {any} */ event) => tick(video.id, event.target.checked)} />
      ${titleOf(video)} <span class="hint">${video.job.checkpoint?.name ?? ""}</span></label>`)}</div>`;
}
