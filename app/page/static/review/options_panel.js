// How a person wants to review; kept in this browser.

import { html } from "../core/html.js";
import { DraftInput } from "./fields.js";
import { Reaction } from "./reaction.js";
import { Timings } from "./timings.js";
import { prefs, reaction, setPrefs, timings } from "./prefs.js";

export function OptionsPanel() {
  const own = prefs();
  return html`<div class="panel-text options">
    <fieldset><legend>Going to an event</legend>
      <${Check} name="plays" words="Play it, from before it happens" />
      <${Seconds} label="Lead" value=${own.lead} least=${0} onSet=${(/** @type {number} */ lead) => setPrefs({ lead })} />
      <${Seconds} label="Loop until after it" value=${own.tail} least=${0.1} onSet=${(/** @type {number} */ tail) => setPrefs({ tail })} />
      <${Check} name="advances" words="Go on to the next after a decision" />
      <${Check} name="marks" words="Mark as reviewed what was played with its decisions made" />
    </fieldset>
    <${ReactionTime} />
    <${OwnTimings} />
  </div>`;
}

/** @param {{name: "plays" | "advances" | "marks", words: string}} props */
function Check({ name, words }) {
  return html`<label class="check"><input type="checkbox" checked=${prefs()[name]}
    onChange=${(/** @type {any} */ event) => setPrefs({ [name]: event.currentTarget.checked })} /> ${words}</label>`;
}

/** @param {{label: string, value: number | null, least: number, onSet: (value: number) => void, hint?: string}} props */
function Seconds({ label, value, least, onSet, hint }) {
  /** @param {string} text */
  const give = (text) => { if (text !== "" && Number.isFinite(Number(text))) onSet(Math.max(least, Number(text))); };
  return html`<label class="seconds"><span>${label}</span> <span class="row"><${DraftInput} class="small" type="number"
    min=${least} max="30" step="0.1" value=${value ?? ""} placeholder=${hint} onGiven=${give} /> s</span></label>`;
}

function ReactionTime() {
  const { set, learnt, samples } = reaction.now;
  const words = learnt === null
    ? `It is learnt from events that you tag while the video plays and move afterwards (${samples.length} of 5 so far).`
    : `Learnt from ${samples.length} of your corrections: ${learnt.toFixed(2)} s.`;
  return html`<fieldset><legend>Reaction time</legend>
    <${Seconds} label="Events are this much earlier than the key" value=${set} least=${0} hint=${(learnt ?? 0).toFixed(2)}
      onSet=${(/** @type {number} */ seconds) => reaction.set(reaction.now.setTo(seconds))} />
    <p class="hint">${words} At twice the speed it counts twice.</p>
    <div class="row">
      ${set !== null && html`<button type="button" class="small" onClick=${() => reaction.set(reaction.now.setTo(null))}>Use what is learnt</button>`}
      ${samples.length > 0 && html`<button type="button" class="small quiet" onClick=${() => reaction.set(new Reaction({ set }))}>Forget it</button>`}
    </div></fieldset>`;
}

function OwnTimings() {
  const own = timings.now;
  const { stored } = own;
  return html`<fieldset><legend>Your own timings</legend>
    <label class="check"><input type="checkbox" checked=${own.isOn} data-is="timings"
      onChange=${(/** @type {any} */ event) => timings.update((one) => { one.stored.isOn = event.currentTarget.checked; })} />
      Measure how long decisions take</label>
    <p class="hint">They stay in this browser and are sent nowhere.</p>
    ${own.isOn && html`
      <label class="seconds"><span>By hand, a minute of video takes</span> <span class="row"><${DraftInput} class="small" type="number" min="0.5" max="60" step="0.5" value=${stored.byHand}
        onGiven=${(/** @type {string} */ text) => timings.update((one) => { one.stored.byHand = Number(text) || one.stored.byHand; })} /> min</span></label>
      <dl class="estimates"><div><dt>Decisions</dt><dd>${stored.decisions}</dd></div>
        <div><dt>Each</dt><dd>${own.perDecision === null ? "–" : `${own.perDecision.toFixed(1)} s`}</dd></div>
        <div><dt>Reviewed</dt><dd>${(stored.reviewedS / 60).toFixed(1)} min</dd></div>
        <div><dt>At work</dt><dd>${(stored.activeS / 60).toFixed(1)} min</dd></div>
        <div><dt>Saved</dt><dd data-is="saved-min">${own.savedMin.toFixed(1)} min</dd></div></dl>
      <button type="button" class="small quiet" onClick=${() => timings.update((one) => { one.stored = { ...new Timings().stored, isOn: true, byHand: stored.byHand }; })}>Begin anew</button>`}
  </fieldset>`;
}
