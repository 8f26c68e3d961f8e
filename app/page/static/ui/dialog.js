// A modal dialog: the browser's own, so that focus and Escape work as everywhere.

import { useEffect, useRef } from "preact/hooks";
import { html } from "../core/html.js";
import { useOnce } from "./action.js";

/**
 * @param {object} props
 * @param {string} props.title
 * @param {() => void} props.onClose
 * @param {import("../core/html.js").Children} props.children
 * @param {string} [props.className]
 * @param {string} [props.id]
 * @param {boolean} [props.isSudden] it opens while one presses keys: none of them shall press its buttons
 */
export function Dialog({ title, onClose, children, className = "", id, isSudden = false }) {
  const place = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const dialog = place.current;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog?.showModal();
    return () => {
      dialog?.close();
      before?.focus?.();
    };
  }, []);
  return html`
    <dialog id=${id} ref=${place} class=${className} aria-label=${title} onCancel=${(/** @type {Event} */ event) => {
      event.preventDefault();
      onClose();
    }}>
      <div class="dialog-title">
        <h2 tabindex=${isSudden ? -1 : undefined} autofocus=${isSudden}>${title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick=${onClose}>×</button>
      </div>
      ${children}
    </dialog>`;
}

/**
 * Ask before something that cannot be undone, or that concerns others.
 *
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.words what will happen
 * @param {string} props.action the word on the button that does it
 * @param {() => void} props.onConfirm
 * @param {() => void} props.onClose
 * @param {boolean} [props.isSafe] it can be undone
 */
export function Confirm({ title, words, action, onConfirm, onClose, isSafe = false }) {
  const confirm = useOnce(onConfirm);
  return html`
    <${Dialog} title=${title} onClose=${onClose} className="confirm">
      <p>${words}</p>
      <div class="row end">
        <button type="button" autofocus onClick=${onClose}>Cancel</button>
        <button type="button" class=${isSafe ? "main" : "danger main"} onClick=${confirm}>${action}</button>
      </div>
    <//>`;
}
