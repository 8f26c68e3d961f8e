// Somebody else decided on the same event meanwhile: the person says which word counts.

import { html } from "../core/html.js";
import { Dialog } from "../ui/dialog.js";
import { STATES, stateOf, useReview } from "./context.js";
import { nameOfTeam, teamOf } from "./events.js";
import { wordsOf } from "./history.js";
import { timecode } from "./timecode.js";

/** @typedef {import("./types.js").ReviewEvent} ReviewEvent */

export function ConflictDialog() {
  const { model, decisions } = useReview();
  const [{ mine, theirs, changes }] = model.conflicts.value;
  const settle = (/** @type {boolean} */ isMine) => decisions?.settle(isMine);
  return html`<${Dialog} id="conflict-dialog" title="This event was changed meanwhile" onClose=${() => settle(false)} isSudden>
    <p>${theirs.decided_by ?? "Somebody else"} changed it while your decision was on its way. Nothing is lost: say which one counts.</p>
    <table class="conflict"><thead><tr><td></td><th scope="col">Now</th><th scope="col">Yours</th></tr></thead><tbody>
      ${rowsOf(theirs, mine, model.video.value?.teams).map(([name, now, own]) => html`<tr key=${name} class=${now === own ? "" : "differs"}>
        <th scope="row">${name}</th><td>${now}</td><td>${own}</td></tr>`)}
    </tbody></table>
    ${changes.length > 0 && html`<ul class="hint">${changes.map((one, index) => html`<li key=${index}>${one.author}: ${wordsOf(one)}</li>`)}</ul>`}
    <div class="row end">
      <button type="button" data-is="keep-theirs" onClick=${() => settle(false)}>Keep what is there</button>
      <button type="button" class="main" data-is="keep-mine" onClick=${() => settle(true)}>Use mine</button>
    </div>
  <//>`;
}

/**
 * @param {ReviewEvent} theirs
 * @param {ReviewEvent} mine
 * @param {readonly import("./types.js").Team[] | null | undefined} teams
 * @returns {string[][]}
 */
function rowsOf(theirs, mine, teams) {
  /** @param {ReviewEvent} event */
  const facts = (event) => ({
    State: STATES[stateOf(event)], Type: event.type, Time: timecode(event.time_s), Frame: String(event.frame),
    Team: nameOfTeam(teamOf(event), teams) || "none", Player: String(event.attributes.player ?? ""), Note: String(event.attributes.note ?? ""),
  });
  const [now, own] = [facts(theirs), facts(mine)];
  return Object.entries(now).map(([name, text]) => [name, text, /** @type {Record<string, string>} */ (own)[name]]);
}
