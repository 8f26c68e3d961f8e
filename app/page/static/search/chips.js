// A field of several values: each a chip that can be taken out, and a place for one more.

import { useRef } from "preact/hooks";
import { html } from "../core/html.js";

/**
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.name
 * @param {readonly string[]} props.values
 * @param {(values: string[]) => void} props.onChange
 * @param {readonly string[]} [props.known] offered to choose from
 * @param {boolean} [props.isOrdered] a value may stand several times, and their order counts
 * @param {number} [props.most]
 * @param {string} [props.placeholder]
 */
export function Chips({ label, name, values, onChange, known = [], isOrdered = false, most = 50, placeholder = "" }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const add = () => {
    if (!field.current) return;
    const found = field.current.value.split(",").map((part) => part.trim()).filter(Boolean);
    field.current.value = "";
    const wanted = [...values, ...found].slice(0, most);
    if (found.length) onChange(isOrdered ? wanted : [...new Set(wanted)]);
  };
  /** @param {number} index */
  const takeOut = (index) => {
    onChange(values.filter((_, one) => one !== index));
    field.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.isComposing) return; // Enter chooses a word of an input method.
    const isEmpty = field.current?.value === "";
    if (event.key === "Enter") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && isEmpty && values.length) {
      takeOut(values.length - 1);
    }
  };
  return html`
    <div class="chips">
      <label for=${`chips-${name}`}>${label}</label>
      <div class="chips-box">
        ${values.map((value, index) => html`
          ${isOrdered && index > 0 && html`<span class="chip-arrow" aria-hidden="true">→</span>`}
          <span class="chip" key=${`${index} ${value}`}>${value}
            <button type="button" aria-label=${`Take out ${value}`} onClick=${() => takeOut(index)}>×</button></span>`)}
        <input id=${`chips-${name}`} name=${name} ref=${field} list=${known.length ? `chips-known-${name}` : undefined}
          autocomplete="off" placeholder=${values.length ? "" : placeholder} onKeyDown=${onKeyDown} onChange=${add} />
        ${known.length > 0 && html`<datalist id=${`chips-known-${name}`}>
          ${known.map((one) => html`<option value=${one} key=${one}></option>`)}</datalist>`}
      </div>
    </div>`;
}
