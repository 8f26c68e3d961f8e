// The keys of the review: what they do, other ones in their place, none at all.

import { useLayoutEffect, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { ACTIONS, KeyMap, keyText, namesOf } from "./keymap.js";
import { keys } from "./prefs.js";

const GROUPS = [...new Set(ACTIONS.map((one) => one.group))];

/** @param {{children?: import("../core/html.js").Children}} props children: more buttons below */
export function KeySettings({ children }) {
  const [waiting, setWaiting] = useState(/** @type {string | null} */ (null));
  const { map } = keys;
  // Before the next paint: whoever is asked for a key may be quick.
  useLayoutEffect(() => {
    if (waiting === null) return undefined;
    /** @param {KeyboardEvent} event */
    const onKey = (event) => {
      const name = namesOf(event)[0];
      if (name === undefined || name === "Tab") return;
      event.preventDefault();
      event.stopPropagation();
      if (name !== "Escape") keys.set(map.with(waiting, [name]));
      setWaiting(null);
    };
    addEventListener("keydown", onKey, true);
    return () => removeEventListener("keydown", onKey, true);
  }, [waiting]);
  return html`
    <label class="check"><input type="checkbox" checked=${map.isOn} data-is="keys-on"
      onChange=${(/** @type {any} */ event) => keys.set(map.switched(event.currentTarget.checked))} />
      Single keys act. Without them everything works by buttons; keys with Ctrl stay.</label>
    <div class="key-groups">
      ${GROUPS.map((group) => html`<section key=${group}><h3>${group}</h3><ul>
        ${ACTIONS.filter((one) => one.group === group).map((one) => html`<li key=${one.id} data-action=${one.id}>
          <span class="title">${one.title}</span>
          <span class="caps">${waiting === one.id ? html`<em>Press a key…</em>` : map.keysOf(one.id).map((key) => html`<kbd key=${key}>${keyText(key)}</kbd>`)}</span>
          <button type="button" class="quiet small" aria-label=${`${waiting === one.id ? "Cancel" : "Change"}: the key for “${one.title}”`} onClick=${() => setWaiting(waiting === one.id ? null : one.id)}>
            ${waiting === one.id ? "Cancel" : "Change"}</button>
          ${map.keysOf(one.id).length > 0 && html`<button type="button" class="quiet small" aria-label=${`Off: no key for “${one.title}”`}
            onClick=${() => keys.set(map.with(one.id, []))}>Off</button>`}</li>`)}
      </ul></section>`)}
    </div>
    <div class="row end">
      <button type="button" onClick=${() => keys.set(new KeyMap())}>Back to the defaults</button>
      ${children}
    </div>`;
}
