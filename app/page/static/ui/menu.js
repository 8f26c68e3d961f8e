// A button that opens a short list of actions.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {() => void} act
 * @property {boolean} [isDanger]
 */

/**
 * @param {object} props
 * @param {string} props.label what the list is for, read aloud
 * @param {Item[]} props.items
 * @param {import("../core/html.js").Children} [props.children] what the button shows; else three dots
 */
export function Menu({ label, items, children }) {
  const [isShown, setShown] = useState(false);
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  // As soon as the list is there: a key that follows must not meet another button.
  useLayoutEffect(() => {
    if (!isShown) return undefined;
    place.current?.querySelector("ul")?.querySelector("button")?.focus();
    const closeOutside = (/** @type {Event} */ event) => {
      if (!place.current?.contains(/** @type {Node} */ (event.target))) setShown(false);
    };
    addEventListener("pointerdown", closeOutside);
    addEventListener("focusin", closeOutside);
    return () => {
      removeEventListener("pointerdown", closeOutside);
      removeEventListener("focusin", closeOutside);
    };
  }, [isShown]);
  const close = () => {
    setShown(false);
    place.current?.querySelector("button")?.focus();
  };
  /** @param {KeyboardEvent} press */
  const onKeyDown = (press) => {
    if (!isShown) return;
    const buttons = [...(place.current?.querySelectorAll("li button") ?? [])];
    const index = buttons.indexOf(/** @type {Element} */ (document.activeElement));
    const step = { ArrowDown: 1, ArrowUp: -1 }[press.key];
    if (press.key === "Escape") close();
    else if (step) /** @type {HTMLElement} */ (buttons[(index + step + buttons.length) % buttons.length]).focus();
    else return;
    press.preventDefault();
    press.stopPropagation();
  };
  return html`
    <span class="menu" ref=${place} onKeyDown=${onKeyDown}>
      <button type="button" class="quiet small" aria-label=${label} aria-expanded=${isShown}
        onClick=${() => setShown(!isShown)}>${children ?? "⋯"}</button>
      ${isShown && html`
        <ul>
          ${items.map((item) => html`
            <li key=${item.label}><button type="button" class=${item.isDanger ? "danger" : ""}
              onClick=${() => { close(); item.act(); }}>${item.label}</button></li>`)}
        </ul>`}
    </span>`;
}
