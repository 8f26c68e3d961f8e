// The two teams of a match: name, colour, and the side that the model calls them.

import { html } from "../core/html.js";

const COLOURS = ["#d62728", "#1f77b4"];

/**
 * @param {object} props
 * @param {import("./facts_form.js").TeamFields[]} props.teams
 * @param {string[]} props.sides that the model tells apart; empty: none
 * @param {(teams: import("./facts_form.js").TeamFields[]) => void} props.onChange
 */
export function TeamFields({ teams, sides, onChange }) {
  /** @type {(index: number, change: Partial<import("./facts_form.js").TeamFields>) => void} */
  const set = (index, change) => onChange(teams.map((team, place) => (place === index ? { ...team, ...change } : team)));
  const known = [...new Set([...sides, ...teams.map((team) => team.side)])].filter(Boolean);
  return html`
    <fieldset>
      <legend>Teams</legend>
      ${teams.map((team, index) => html`
        <div class="team-fields" key=${index}>
          <label>Team ${index + 1}
            <input name=${`team-${index + 1}`} maxlength="100" value=${team.name}
              onInput=${(/** @type {any} */ event) => set(index, { name: event.target.value })} />
          </label>
          ${known.length > 0 && html`
            <label>Side
              <select value=${team.side} onChange=${(/** @type {any} */ event) => set(index, { side: event.target.value })}>
                <option value="">–</option>
                ${known.map((side) => html`<option value=${side} key=${side}>${side}</option>`)}
              </select>
            </label>`}
          <${ColourField} name=${`Colour of team ${index + 1}`} colour=${team.colour} usual=${COLOURS[index]}
            onChange=${(/** @type {string | null} */ colour) => set(index, { colour })} />
        </div>`)}
    </fieldset>`;
}

/**
 * A colour, or none.
 *
 * @param {object} props
 * @param {string} props.name
 * @param {string | null} props.colour
 * @param {string} props.usual to begin with
 * @param {(colour: string | null) => void} props.onChange
 */
export function ColourField({ name, colour, usual, onChange }) {
  if (!colour) return html`<button type="button" aria-label=${name} onClick=${() => onChange(usual)}>Colour</button>`;
  return html`
    <span class="colour-field">
      <input type="color" aria-label=${name} value=${colour}
        onInput=${(/** @type {any} */ event) => onChange(event.target.value)} />
      <button type="button" class="quiet small" aria-label=${`No ${name.toLowerCase()}`} onClick=${() => onChange(null)}>×</button>
    </span>`;
}
