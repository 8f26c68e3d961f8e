// The selected event: accept, reject, move, and what is known of it.

import { html } from "../core/html.js";
import { move } from "./commands.js";
import { ActionButton, STATES, stateOf, useReview } from "./context.js";
import { nameOfTeam, teamOf } from "./events.js";
import { DraftInput } from "./fields.js";
import { History } from "./history.js";
import { timecode } from "./timecode.js";

/** @typedef {import("./types.js").ReviewEvent} ReviewEvent */

export function Inspector() {
  const { model } = useReview();
  const event = model.selected.value;
  return html`<section class="inspector" aria-label="Selected event" data-is="inspector">
    ${event ? html`<${Selected} event=${event} />` : html`<div class="inspector-empty">
      <p>No event is selected.</p><p class="hint">N goes to the next event, U to the next one that is worth a check. ? lists all keys.</p></div>`}
    <div class="row">
      <${ActionButton} action="undo" icon="undo" />
      <${ActionButton} action="redo" icon="redo" />
      <span class="spring"></span>
      <${ActionButton} action="next-uncertain" className="small-tool">Next to check<//>
    </div>
  </section>`;
}

/** @param {{event: ReviewEvent}} props */
function Selected({ event }) {
  const review = useReview();
  const { model, decisions } = review;
  const state = stateOf(event);
  const by = event.decided_by ? ` by ${event.decided_by}` : "";
  return html`
    <div class="inspector-title" style=${{ "--tone": model.colours.value[event.type] }}>
      <h2><span class="swatch"></span>${event.type}</h2>
      <span class="mono">${timecode(event.time_s)}</span>
      <span class="spring"></span>
      <span class=${`badge state-badge ${state}`} data-is="state" title=${STATES[state] + by}>${STATES[state]}</span>
      ${event.score !== null && html`<span class="mono score" title="Score of the network">${event.score.toFixed(2)}</span>`}
    </div>
    <div class="row decide">
      <${ActionButton} action="accept" icon="check" className="accept" isOff=${!["suggested", "rejected"].includes(event.state)}>Accept<//>
      <${ActionButton} action="reject" icon="cross" className="reject" isOff=${event.state === "rejected"}>${event.state === "added" ? "Remove" : "Reject"}<//>
      ${event.state !== "suggested" && event.source === "model" && html`<button type="button" class="tool"
        onClick=${() => decisions?.reset(event)} title="Take back what was decided of this event">Take back</button>`}
    </div>
    <div class="fields">
      <label>Type <select value=${event.type} data-is="type"
        onChange=${(/** @type {any} */ change) => decisions?.setType(event, change.currentTarget.value)}>
        ${model.types.value.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
      <${TeamField} event=${event} />
      <${FrameField} key=${model.keyOf(event.id)} event=${event} />
      <${TextField} event=${event} name="player" label="Player" />
      <${TextField} event=${event} name="note" label="Note" />
    </div>
    <${History} key=${model.keyOf(event.id)} event=${event} />`;
}

/** The frame, with buttons: what dragging does, without dragging. @param {{event: ReviewEvent}} props */
function FrameField({ event }) {
  const review = useReview();
  /** @param {string} text */
  const toFrame = (text) => {
    const frame = Number(text);
    if (text !== "" && Number.isInteger(frame) && frame >= 0) move(review, event, frame);
  };
  return html`<div class="frame-set"><label for="event-frame" title="Where the event is">Frame</label>
    <div class="row">
      <${ActionButton} action="nudge-back-5">−5<//>
      <${ActionButton} action="nudge-back" icon="left" />
      <${DraftInput} id="event-frame" type="number" class="mono" min="0" max=${review.model.frames.value.count - 1} step="1" value=${event.frame} onGiven=${toFrame} />
      <${ActionButton} action="nudge-forward" icon="right" />
      <${ActionButton} action="nudge-forward-5">+5<//>
      <${ActionButton} action="move-here">Here<//>
    </div></div>`;
}

/** @param {{event: ReviewEvent}} props */
function TeamField({ event }) {
  const review = useReview();
  const own = teamOf(event) ?? "";
  const teams = own && !review.teams.includes(own) ? [...review.teams, own] : review.teams;
  const known = review.model.video.value?.teams;
  return html`<label>Team <select data-is="team" value=${own}
    onChange=${(/** @type {any} */ change) => review.decisions?.setAttributes(event, { team: change.currentTarget.value || null })}>
    <option value="">none</option>
    ${teams.map((team) => html`<option key=${team} value=${team}>${nameOfTeam(team, known)}</option>`)}</select></label>`;
}

/** @param {{event: ReviewEvent, name: string, label: string}} props */
function TextField({ event, name, label }) {
  const { decisions, model } = useReview();
  const own = event.attributes[name];
  const text = typeof own === "string" || typeof own === "number" ? String(own) : "";
  /** @param {string} written */
  const save = (written) => decisions?.setAttributes(event, { [name]: written.trim() || null });
  return html`<label>${label} <${DraftInput} key=${model.keyOf(event.id)} id=${`event-${name}`} value=${text} maxlength="1000" onGiven=${save} /></label>`;
}
