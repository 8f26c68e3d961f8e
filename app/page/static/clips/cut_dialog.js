// Clips of events: how they are to be cut, asked in a dialog. The review and the search open it.

import { useRef, useState } from "preact/hooks";
import { counted } from "../core/format.js";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { Problem } from "../core/problem.js";
import { Dialog } from "../ui/dialog.js";
import { areOfSeveral, areSequences, countHits, countsOf, requestOf } from "./wanted.js";

/**
 * @typedef {import("./wanted.js").CutEvent} CutEvent
 * @typedef {import("./wanted.js").Wishes} Wishes
 */

const FORMS = { reel: "One video (reel)", zip: "Single clips (ZIP)", playlist: "Playlist, nothing is rendered" };
const MODES = {
  exact: "Exact: all is encoded anew",
  smart: "Smart: exact, only borders are encoded",
  copy: "Fast: from the key frame before",
};
const EXACT_WORDS = "Clips of several matches are always encoded anew.";
const ORDERS = { time: "By time", score: "Best first" };
const CAPTIONS = { type: "Type, team and player", clock: "Clock", teams: "Teams" };

/**
 * @param {object} props
 * @param {readonly CutEvent[]} props.events of one video or of several
 * @param {() => void} props.onClose
 * @param {{lead: number, lag: number}} [props.margins] seconds that it begins with
 * @param {string} [props.note] what is to be known of the events
 */
export function CutDialog({ events, onClose, margins = { lead: 5, lag: 3 }, note = "" }) {
  const counts = countsOf(events);
  const [wishes, setWishes] = useState(() => firstWishes(counts, margins));
  const [problem, setProblem] = useState("");
  const [made, setMade] = useState(/** @type {any} */ (null));
  const isSending = useRef(false);
  const [post] = useState(() => new IdempotentPost());
  /** @param {Partial<Wishes>} change */
  const set = (change) => setWishes((before) => ({ ...before, ...change }));
  /** @param {Event} event */
  const send = async (event) => {
    event.preventDefault();
    const asked = requestOf(events, wishes);
    if ("problem" in asked) return setProblem(asked.problem);
    if (isSending.current) return undefined;
    isSending.current = true;
    try {
      setProblem("");
      return setMade(await post.send(asked.path, asked.json));
    } catch (error) {
      return setProblem(error instanceof Problem ? error.message : String(error));
    } finally {
      isSending.current = false;
    }
  };
  const isExact = areOfSeveral(events.filter(({ type }) => wishes.types.has(type)));
  return html`<${Dialog} title="Cut clips" onClose=${onClose} id="cut-dialog" className="wide">
    ${made ? html`<${Made} clip=${made} onClose=${onClose} />` : html`
      <form onSubmit=${send} noValidate>
        ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
        ${note && html`<p class="hint" data-is="note">${note}</p>`}
        ${areSequences(events) ? html`<p class="hint" data-is="hits">${counted(countHits(events), "sequence")}, each shown whole</p>` : html`<${Types} counts=${counts} chosen=${wishes.types} onChange=${(/** @type {ReadonlySet<string>} */ types) => set({ types })} />`}
        <div class="cut-fields">
          <label>Seconds before<input name="lead" inputmode="decimal" autofocus value=${wishes.lead}
            onInput=${(/** @type {any} */ event) => set({ lead: event.target.value })} /></label>
          <label>Seconds after<input name="lag" inputmode="decimal" value=${wishes.lag}
            onInput=${(/** @type {any} */ event) => set({ lag: event.target.value })} /></label>
          <${Choice} label="Order" name="order" value=${wishes.order} of=${ORDERS} onChange=${set} />
          <${Choice} label="Made as" name="form" value=${wishes.form} of=${FORMS} onChange=${set} />
          <${Choice} label="Cut" name="mode" value=${isExact ? "exact" : wishes.mode} of=${MODES} onChange=${set} disabled=${isExact}
            title=${isExact ? EXACT_WORDS : undefined} />
        </div>
        ${isExact && html`<p class="hint" data-is="mode-hint">${EXACT_WORDS}</p>`}
        <label class="cut-check"><input type="checkbox" name="merge" checked=${wishes.merge}
          onChange=${(/** @type {any} */ event) => set({ merge: event.target.checked })} /> Join clips that overlap</label>
        <fieldset disabled=${wishes.form === "playlist"}>
          <legend>Written over the pictures</legend>
          <div class="choices">${Object.entries(CAPTIONS).map(([name, words]) => html`
            <label key=${name}><input type="checkbox" name=${`caption-${name}`} checked=${wishes[/** @type {"type" | "clock" | "teams"} */ (name)]}
              onChange=${(/** @type {any} */ event) => set({ [name]: event.target.checked })} /> ${words}</label>`)}</div>
        </fieldset>
        <div class="row end">
          <button type="button" onClick=${onClose}>Cancel</button>
          <button type="submit" class="main">Cut</button>
        </div>
      </form>`}
  <//>`;
}

/** @param {[string, number][]} counts @param {{lead: number, lag: number}} margins */
function firstWishes(counts, { lead, lag }) {
  return /** @type {Wishes} */ ({
    types: new Set(counts.map(([type]) => type)),
    ...{ lead: String(lead), lag: String(lag), merge: true, order: "time", form: "reel", mode: "exact" },
    ...{ type: false, clock: false, teams: false },
  });
}

/** @param {{counts: [string, number][], chosen: ReadonlySet<string>, onChange: (types: ReadonlySet<string>) => void}} props */
function Types({ counts, chosen, onChange }) {
  /** @param {string} type */
  const toggle = (type) => {
    const types = new Set(chosen);
    if (!types.delete(type)) types.add(type);
    onChange(types);
  };
  const count = counts.reduce((sum, [type, many]) => sum + (chosen.has(type) ? many : 0), 0);
  return html`<fieldset>
    <legend>Events</legend>
    <p role="status" class="hint">${counted(count, "event")}</p>
    <div class="choices">${counts.map(([type, many]) => html`<label key=${type}>
      <input type="checkbox" checked=${chosen.has(type)} onChange=${() => toggle(type)} /> ${type} <span class="hint">${many}</span></label>`)}</div>
  </fieldset>`;
}

/** @param {{label: string, name: string, value: string, of: Record<string, string>, onChange: (change: any) => void, disabled?: boolean, title?: string}} props */
function Choice({ label, name, value, of, onChange, disabled = false, title }) {
  return html`<label title=${title}>${label}<select name=${name} value=${value} disabled=${disabled}
    onChange=${(/** @type {any} */ event) => onChange({ [name]: event.target.value })}>
    ${Object.entries(of).map(([key, words]) => html`<option key=${key} value=${key}>${words}</option>`)}</select></label>`;
}

/** @param {{clip: any, onClose: () => void}} props */
function Made({ clip, onClose }) {
  const words = clip.form === "playlist" ? "The playlist is there." : "They are being rendered; you can go on meanwhile.";
  return html`<div role="status" class="cut-made"><p>${counted(clip.cuts.length, "clip")}. ${words}</p></div>
    <div class="row end">
      <button type="button" autofocus onClick=${onClose}>Close</button>
      <a class="button" href="#/clips" onClick=${onClose}>Show all clips</a>
    </div>`;
}
