// Fields of the dialog that starts a training: types, matches, hold-out.

import { html } from "../core/html.js";
import { DROP, fateOf, LEARN } from "./start.js";
import { readiness } from "./store.js";
import { minutesOf } from "./words.js";

/**
 * @typedef {import("./start.js").Wishes} Wishes
 * @typedef {(change: Partial<Wishes>) => void} Set_
 */

/**
 * What becomes of each type: learned, counted as another one, left out.
 *
 * @param {object} props
 * @param {readonly {name: string, events: number, isOfBase: boolean}[]} props.types
 * @param {Wishes} props.wishes
 * @param {Set_} props.set
 */
export function TypeFates({ types, wishes, set }) {
  return html`<fieldset class="fates"><legend>Types</legend>
    ${types.length === 0 && html`<p class="hint">Nothing is reviewed that could be learned.</p>`}
    ${types.map(({ name, events, isOfBase }) => html`<label key=${name} class="fate"><strong>${name}</strong>
      <span class="hint">${events} reviewed${isOfBase ? ", the base finds it" : ""}</span>
      <select data-type=${name} value=${fateOf(wishes, types, name)} onChange=${(/** @type {any} */ event) => set({ fates: { ...wishes.fates, [name]: event.target.value } })}>
        <option value=${LEARN}>learn it</option>
        ${types.filter((one) => one.name !== name).map((one) => html`<option key=${one.name} value=${one.name}>count it as ${one.name}</option>`)}
        <option value=${DROP}>leave it out</option>
      </select></label>`)}
  </fieldset>`;
}

/** @param {{wishes: Wishes, set: Set_}} props */
export function Matches({ wishes, set }) {
  return html`<fieldset><legend>Learn from</legend>
    <div class="choices">
      <label><input type="radio" name="videos" checked=${wishes.videos === null} onChange=${() => set({ videos: null })} /> all that is reviewed</label>
      <label><input type="radio" name="videos" checked=${wishes.videos !== null} onChange=${() => set({ videos: new Set() })} /> these matches</label>
    </div>
    ${wishes.videos && html`<${Ticks} label="Matches to learn from" chosen=${wishes.videos} onChange=${(/** @type {Set<string>} */ videos) => set({ videos })} />`}
  </fieldset>`;
}

/** @param {{wishes: Wishes, set: Set_, note: string, planned: string}} props */
export function Holdout({ wishes, set, note, planned }) {
  /** @param {Wishes["holdout"]} value @param {string} words */
  const choice = (value, words) => html`<label><input type="radio" name="holdout" value=${value} checked=${wishes.holdout === value}
    onChange=${() => set({ holdout: value })} /> ${words}</label>`;
  return html`<fieldset><legend>Hold out for the comparison</legend>
    <div class="choices">${choice("auto", "what Touchline chooses")}${choice("share", "a share")}${choice("videos", "these matches")}</div>
    ${wishes.holdout === "auto" && note && html`<p class="hint">${note}</p>`}
    ${wishes.holdout === "share" && html`<label>Percent of the reviewed time <input name="share" inputmode="numeric" value=${wishes.share}
      autocomplete="off" onInput=${(/** @type {any} */ event) => set({ share: event.target.value })} /></label>`}
    ${wishes.holdout === "videos" && html`<${Ticks} label="Matches to hold out" chosen=${wishes.heldOut}
      onChange=${(/** @type {Set<string>} */ heldOut) => set({ heldOut })} />`}
    ${planned && html`<p class="hint" data-is="planned">${planned}</p>`}
  </fieldset>`;
}

/**
 * Reviewed matches to tick.
 *
 * @param {object} props
 * @param {string} props.label
 * @param {Set<string>} props.chosen
 * @param {(chosen: Set<string>) => void} props.onChange
 */
export function Ticks({ label, chosen, onChange }) {
  /** @param {string} id @param {boolean} isOn */
  const tick = (id, isOn) => {
    const changed = new Set(chosen);
    if (isOn) changed.add(id);
    else changed.delete(id);
    onChange(changed);
  };
  return html`<div class="ticks" role="group" aria-label=${label}>${(readiness.value?.matches ?? []).map(({ video_id: id, title, minutes }) => html`
    <label key=${id}><input type="checkbox" checked=${chosen.has(id)} onChange=${(/** @type {any} */ event) => tick(id, event.target.checked)} />
      ${title} <span class="hint">${minutesOf(minutes)}</span></label>`)}</div>`;
}
