// A field whose text is the person's while they write, and the page's otherwise.

import { useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";

/**
 * What is written is given on Enter and when the field is left; Escape takes it back. An
 * update of the page meanwhile does not take the text away.
 *
 * @param {{value: string | number, onGiven: (text: string) => void} & Record<string, any>} props
 */
export function DraftInput({ value, onGiven, ...rest }) {
  const draft = useRef(/** @type {string | null} */ (null));
  const [, redraw] = useState(0);
  /** @param {string | null} text */
  const setDraft = (text) => {
    draft.current = text;
    redraw((count) => count + 1);
  };
  const give = () => {
    const text = draft.current;
    setDraft(null);
    if (text !== null && text !== String(value)) onGiven(text);
  };
  /** @param {any} press leaving the field gives it */
  const onKey = (press) => {
    if (press.isComposing) return; // Enter chooses a word of an input method.
    if (press.key === "Escape") setDraft(null);
    if (press.key === "Enter" || press.key === "Escape") press.currentTarget.blur();
  };
  return html`<input autocomplete="off" ...${rest} value=${draft.current ?? value}
    onInput=${(/** @type {any} */ event) => setDraft(event.currentTarget.value)} onBlur=${give} onKeyDown=${onKey} />`;
}
