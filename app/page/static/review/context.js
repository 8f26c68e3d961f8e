// How components find the review they belong to, and what its buttons look like.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { html } from "../core/html.js";
import { perform } from "./commands.js";
import { Icon } from "./icons.js";
import { ACTIONS, keyText } from "./keymap.js";
import { keys } from "./prefs.js";

/** @type {import("preact").Context<import("./review.js").Review>} */
export const ReviewContext = createContext(/** @type {any} */ (null));

export function useReview() { return useContext(ReviewContext); }

/**
 * The title of an action with its keys, for tooltips.
 *
 * @param {string} id
 */
export function hintOf(id) {
  const title = ACTIONS.find((one) => one.id === id)?.title ?? id;
  const own = keys.map.isOn ? keys.map.keysOf(id).map(keyText).join(", ") : "";
  return own ? `${title} (${own})` : title;
}

/**
 * A button for an action of the key map.
 *
 * @param {object} props
 * @param {string} props.action
 * @param {string} [props.icon]
 * @param {import("../core/html.js").Children} [props.children] words, else the icon alone
 * @param {string} [props.className]
 * @param {boolean} [props.isPressed]
 * @param {boolean} [props.isOff]
 */
export function ActionButton({ action, icon, children, className = "", isPressed, isOff = false }) {
  const review = useReview();
  const hint = hintOf(action);
  return html`<button type="button" class=${`tool ${className}`} title=${hint}
    aria-label=${children ? undefined : hint} aria-pressed=${isPressed} aria-disabled=${isOff ? "true" : undefined}
    data-action=${action}
    onClick=${(/** @type {MouseEvent} */ event) => {
      giveBackFocus(event);
      if (!isOff) perform(review, action);
    }}>${icon && html`<${Icon} name=${icon} />`}${children}</button>`;
}

/**
 * After a click of the mouse the keys are the review's again, not the button's.
 *
 * @param {MouseEvent} event
 */
export function giveBackFocus(event) {
  if (event.detail > 0) /** @type {HTMLElement} */ (event.currentTarget)?.blur();
}

/** What a state is called. @type {Record<string, string>} */
export const STATES = {
  suggested: "Suggested", accepted: "Accepted", rejected: "Rejected", edited: "Edited", added: "Added", ghost: "Below threshold",
  provisional: "Provisional",
};

/** @param {import("./types.js").ReviewEvent} event */
export function stateOf(event) {
  if (event.state !== "suggested") return event.state;
  if (event.is_ghost) return "ghost";
  return event.is_provisional ? "provisional" : "suggested";
}
