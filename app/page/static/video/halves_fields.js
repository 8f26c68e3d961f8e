// The halves of a match: their kick-offs written, or taken from the player.

import { useLayoutEffect, useRef } from "preact/hooks";
import { html } from "../core/html.js";
import { timeText } from "./facts_form.js";
import { PlayerClock } from "./player_clock.js";

/** @typedef {import("./facts_form.js").HalfFields} HalfFields */

/**
 * @param {object} props
 * @param {HalfFields[]} props.halves
 * @param {import("./types.js").Video} props.video
 * @param {(() => number) | undefined} props.currentTime
 * @param {(halves: HalfFields[]) => void} props.onChange
 */
export function HalvesFields({ halves, video, currentTime, onChange }) {
  const player = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const playerClock = useRef(/** @type {PlayerClock | null} */ (null));
  useLayoutEffect(() => {
    if (!player.current) return undefined;
    const started = new PlayerClock(player.current, video.id);
    playerClock.current = started;
    return () => started.close();
  }, [video.id]);
  const now = () => timeText(Math.round((currentTime?.() ?? playerClock.current?.time_s ?? 0) * 100) / 100);
  /** @type {(index: number, change: Partial<HalfFields>) => void} */
  const set = (index, change) => onChange(halves.map((half, place) => (place === index ? { ...half, ...change } : half)));
  return html`
    <fieldset>
      <legend>Halves</legend>
      ${!currentTime && video.playable !== "none" && html`
        <video ref=${player} class="kick-off-player" controls muted playsinline preload="metadata"
          src=${video.links.playable ?? video.links.file} aria-label="Player to find the kick-offs"></video>`}
      ${halves.map((half, index) => html`
        <div class="half-fields" key=${index}>
          <${Time} label=${`Half ${index + 1}: kick-off`} value=${half.start} now=${now} onChange=${(/** @type {string} */ start) => set(index, { start })} />
          <${Time} label=${`Half ${index + 1}: end`} value=${half.end} now=${now} onChange=${(/** @type {string} */ end) => set(index, { end })} />
          <label>Match clock at kick-off
            <input value=${half.clockStart} placeholder=${index ? "goes on" : "0:00"} inputmode="numeric" autocomplete="off"
              onInput=${(/** @type {any} */ event) => set(index, { clockStart: event.target.value })} />
          </label>
          <button type="button" class="quiet small" aria-label=${`Remove half ${index + 1}`}
            onClick=${() => onChange(halves.filter((_, place) => place !== index))}>×</button>
        </div>`)}
      <button type="button" class="small" onClick=${() => onChange([...halves, { start: now(), end: "", clockStart: "" }])}>
        ${halves.length ? "Add a half" : "Kick-off is where the player stands"}
      </button>
    </fieldset>`;
}

/**
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.value
 * @param {() => string} props.now where the player stands
 * @param {(value: string) => void} props.onChange
 */
function Time({ label, value, now, onChange }) {
  return html`
    <div class="time-field">
      <label>${label}
        <input value=${value} placeholder="0:00" inputmode="numeric" autocomplete="off"
          onInput=${(/** @type {any} */ event) => onChange(event.target.value)} />
      </label>
      <button type="button" class="small" title="Take the player's time" onClick=${() => onChange(now())}>
        Now<span class="unseen">: ${label} is where the player stands</span></button>
    </div>`;
}
