// The review of one video: player and lanes on one screen, the events beside them.

import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { route } from "../core/router.js";
import { LiveBar } from "../live/live_bar.js";
import { perform } from "./commands.js";
import { ConflictDialog } from "./conflict.js";
import { ReviewContext, useReview } from "./context.js";
import { ReviewHeader } from "./header.js";
import { HelpDialog } from "./help.js";
import { Inspector } from "./inspector.js";
import { Lanes } from "./lanes_view.js";
import { SidePanels } from "./panels.js";
import { Player, Transport } from "./player.js";
import { isHeld } from "./keymap.js";
import { goToPlace } from "./place.js";
import { keys, timings } from "./prefs.js";
import { Review } from "./review.js";

/** @param {{id: string}} props */
export function ReviewView({ id: videoId }) {
  const [review] = useState(() => new Review(videoId));
  useEffect(() => {
    review.open().catch(tell);
    return () => review.close();
  }, []);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const onKey = (event) => takeKey(review, event);
    let isByPointer = false;
    const onAct = () => {
      isByPointer = true;
      timings.now.act(performance.now() / 1000);
    };
    const onAnyKey = () => { isByPointer = false; };
    // After a choice with the mouse the keys are the review's again: in the list they would choose something else.
    const onChange = (/** @type {Event} */ event) => {
      if (isByPointer && event.target instanceof HTMLSelectElement && !event.target.closest("dialog")) event.target.blur();
    };
    addEventListener("keydown", onKey);
    addEventListener("keydown", onAnyKey, true);
    addEventListener("change", onChange);
    addEventListener("pointerdown", onAct);
    return () => {
      removeEventListener("keydown", onKey);
      removeEventListener("keydown", onAnyKey, true);
      removeEventListener("change", onChange);
      removeEventListener("pointerdown", onAct);
    };
  }, []);
  const place = route.value.query.toString();
  const isLoading = review.model.isLoading.value;
  useEffect(() => {
    if (!isLoading) goToPlace(review, new URLSearchParams(place));
  }, [place, isLoading]);
  return html`<${ReviewContext.Provider} value=${review}><${Stage} /><//>`;
}

function Stage() {
  const { model } = useReview();
  if (model.isGone.value) {
    return html`<div class="review-gone card"><h1>This video is not here</h1>
      <p>It was deleted, or the address is wrong.${model.unsent.value > 0 && " Decisions that were not sent are lost with it."}</p>
      <p><a href="#/">Back to the library</a></p></div>`;
  }
  return html`<div class="review" data-ready=${!model.isLoading.value}>
    <${ReviewHeader} />
    <div class="review-grid">
      <section class="review-stage" aria-label="Player"><${Player} /><${LiveBar} /><${Transport} /></section>
      <section class="review-lanes" aria-label="Timeline"><${Lanes} /></section>
      <aside class="review-side" aria-label="Events"><${Inspector} /><${SidePanels} /></aside>
    </div>
    ${model.dialog.value === "help" && html`<${HelpDialog} />`}
    ${model.conflicts.value.length > 0 && html`<${ConflictDialog} key=${model.conflicts.value.length} />`}
  </div>`;
}

/**
 * Let a key do what the map says, unless what has the focus needs it.
 *
 * @param {Review} review
 * @param {KeyboardEvent} event
 */
function takeKey(review, event) {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const action = keys.map.actionOf(event);
  if (!action || needs(/** @type {Element} */ (event.target), event)) return;
  event.preventDefault();
  if (event.repeat && !isHeld(action)) return;
  timings.now.act(performance.now() / 1000);
  perform(review, action);
}

/**
 * Whether an element does something of its own with a key.
 *
 * @param {Element} target
 * @param {KeyboardEvent} event
 */
function needs(target, event) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return inputNeeds(target, event.key);
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  if (target.closest("[role=tablist]") && event.key.startsWith("Arrow")) return true;
  const presses = (event.key === "Enter" || event.key === " ") && !event.ctrlKey && !event.metaKey;
  return presses && target.matches("button, a, summary");
}

/**
 * @param {HTMLInputElement} input
 * @param {string} key
 */
function inputNeeds({ type }, key) {
  const moves = key.startsWith("Arrow");
  if (type === "range") return moves || ["Home", "End", "PageUp", "PageDown"].includes(key);
  if (type === "checkbox") return key === " ";
  return type !== "button";
}
