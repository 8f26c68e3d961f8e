// What is looked for: the form above the hits.

import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { DraftInput } from "../review/fields.js";
import { Chips } from "./chips.js";
import { MOST_STEPS, NO_QUERY, STATES, toParams } from "./query.js";
import { askFor, query, types } from "./store.js";

/** @typedef {import("./query.js").Query} Query */

const STATE_WORDS = { suggested: "Suggested", accepted: "Accepted", edited: "Edited", added: "Added", rejected: "Rejected" };

export function Filters() {
  const wanted = query.value;
  const isSequence = wanted.sequence.length > 0;
  const [asksSequence, setAsksSequence] = useState(isSequence);
  const [isOpen, setOpen] = useState(() => !matchMedia("(max-width: 720px)").matches);
  useEffect(() => { if (isSequence) setAsksSequence(true); }, [isSequence]);
  /** @param {Partial<Query>} change */
  const set = (change) => askFor({ ...query.peek(), ...change });
  /** @param {boolean} isAsked */
  const askSequence = (isAsked) => {
    setAsksSequence(isAsked);
    if (!isAsked && isSequence) set({ sequence: [] });
  };
  const chosen = [...new Set(toParams(wanted).keys())].length;
  return html`
    <div class="toolbar">
      <h1>Search</h1>
      <span class="spring"></span>
      <button type="button" aria-expanded=${isOpen} aria-controls="search-filters" onClick=${() => setOpen(!isOpen)}>
        Filters${chosen > 0 && html` <span class="badge">${chosen}</span>`}</button>
      <button type="button" class="quiet" onClick=${() => { setAsksSequence(false); askFor(NO_QUERY, null); }}>Clear</button>
    </div>
    <form id="search-filters" class="card search-filters" role="search" aria-label="Events" hidden=${!isOpen}
      onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <fieldset class="search-what">
        <legend>Look for</legend>
        <div class="choices">
          <label><input type="radio" name="kind" checked=${!asksSequence} onChange=${() => askSequence(false)} /> Events</label>
          <label><input type="radio" name="kind" checked=${asksSequence} onChange=${() => askSequence(true)} /> A sequence</label>
        </div>
        ${asksSequence
          ? html`<${Sequence} wanted=${wanted} set=${set} />`
          : html`<${Chips} label="Type" name="type" values=${wanted.type} known=${types.value} placeholder="Any type"
              onChange=${(/** @type {string[]} */ type) => set({ type })} />`}
      </fieldset>
      <${Chips} label="Team" name="team" values=${wanted.team} placeholder="Any team"
        onChange=${(/** @type {string[]} */ team) => set({ team })} />
      <${Chips} label="Player" name="player" values=${wanted.player} placeholder="Any player"
        onChange=${(/** @type {string[]} */ player) => set({ player })} />
      <${TextField} label="Lowest score" name="min_score" value=${wanted.min_score} inputmode="decimal" placeholder="0 to 1" set=${set} />
      <${TextField} label="Words of the match" name="q" type="search" value=${wanted.q} placeholder="Title, team" set=${set} />
      <${TextField} label="Competition" name="competition" value=${wanted.competition} set=${set} />
      <${TextField} label="From" name="from_date" type="date" value=${wanted.from_date} set=${set} />
      <${TextField} label="To" name="to_date" type="date" value=${wanted.to_date} set=${set} />
      <label>Order
        <select name="order" value=${wanted.order} onChange=${(/** @type {any} */ event) => set({ order: event.target.value })}>
          <option value="desc">Latest match first</option><option value="asc">First match first</option>
        </select></label>
      <${States} wanted=${wanted} set=${set} />
    </form>`;
}

/** @param {{wanted: Query, set: (change: Partial<Query>) => void}} props */
function Sequence({ wanted, set }) {
  return html`
    <${Chips} label="Types, one after another" name="sequence" values=${wanted.sequence} known=${types.value} isOrdered most=${MOST_STEPS}
      placeholder="PASS, PASS, SHOT" onChange=${(/** @type {string[]} */ sequence) => set({ sequence, type: [] })} />
    <div class="row wrap">
      <label class="within">Within
        <span class="row"><${DraftInput} name="within_s" inputmode="decimal" size="4" value=${wanted.within_s}
          onGiven=${(/** @type {string} */ text) => set({ within_s: text.trim().replace(",", ".") })} /> seconds</span></label>
      <label class="tick"><input type="checkbox" name="same_team" checked=${wanted.same_team}
        onChange=${(/** @type {any} */ event) => set({ same_team: event.target.checked })} /> by one team</label>
    </div>`;
}

/** @param {{wanted: Query, set: (change: Partial<Query>) => void}} props */
function States({ wanted, set }) {
  /** @param {string} state @param {boolean} isWanted */
  const change = (state, isWanted) => {
    const others = wanted.state.filter((one) => one !== state);
    set({ state: isWanted ? [...others, state] : others });
  };
  return html`
    <fieldset class="search-states">
      <legend>State <span class="hint">none ticked: all but rejected</span></legend>
      <div class="choices">${STATES.map((state) => html`
        <label key=${state}><input type="checkbox" name="state" value=${state} checked=${wanted.state.includes(state)}
          onChange=${(/** @type {any} */ event) => change(state, event.target.checked)} />
          ${STATE_WORDS[/** @type {keyof typeof STATE_WORDS} */ (state)]}</label>`)}</div>
    </fieldset>`;
}

/**
 * A field that is asked for when it is left, or with Enter.
 *
 * @param {{label: string, name: string, value: string, set: (change: Partial<Query>) => void, type?: string, [more: string]: unknown}} props
 */
function TextField({ label, name, value, set, type = "text", ...rest }) {
  /** @param {string} text */
  const give = (text) => set({ [name]: text.trim() });
  if (type !== "date") return html`<label>${label} <${DraftInput} name=${name} type=${type} value=${value} onGiven=${give} ...${rest} /></label>`;
  return html`<label>${label}
    <input name=${name} type="date" value=${value} onChange=${(/** @type {any} */ event) => give(event.target.value)} /></label>`;
}
