// Saved searches: choose, save, rename, delete.

import { useState } from "preact/hooks";
import { html } from "../core/html.js";
import { announce, attempt } from "../core/notices.js";
import { Action, useOnce } from "../ui/action.js";
import { Confirm, Dialog } from "../ui/dialog.js";
import { Menu } from "../ui/menu.js";
import { fromSaved } from "./query.js";
import { askFor, change, current, isChanged, keepChanges, remove, saveAs, saved } from "./store.js";

/** @typedef {import("./store.js").SavedSearch} SavedSearch */

export function SavedSearches() {
  const [asked, setAsked] = useState(/** @type {{kind: string, search: SavedSearch | null} | null} */ (null));
  const close = () => setAsked(null);
  const now = current.value;
  const keep = async () => {
    if (!now) return;
    await keepChanges(now);
    announce(`“${now.name}” was saved.`);
  };
  return html`
    <section class="saved-searches" aria-label="Saved searches">
      <div class="row wrap">
        <h2>Saved searches</h2>
        <span class="spring"></span>
        ${isChanged.value && html`<${Action} class="small" act=${keep}>Save changes<//>`}
        <button id="save-search" type="button" class="small" onClick=${() => setAsked({ kind: "save", search: null })}>Save as…</button>
      </div>
      ${saved.value.length === 0
        ? html`<p class="hint">None yet. A saved search finds what is there when you open it.</p>`
        : html`<ul id="saved">${saved.value.map((one) => html`
          <li key=${one.id} class=${one.id === now?.id ? "is-current" : ""}>
            <button type="button" class="quiet" aria-pressed=${one.id === now?.id} onClick=${() => askFor(fromSaved(one.query), one.id)}>${one.name}</button>
            <${Menu} label=${`Actions for ${one.name}`} items=${[
              { label: "Rename", act: () => setAsked({ kind: "rename", search: one }) },
              { label: "Delete", act: () => setAsked({ kind: "delete", search: one }), isDanger: true },
            ]} />
          </li>`)}</ul>`}
      ${asked?.kind === "save" && html`<${NameDialog} title="Save this search" name="" act=${saveAs} onClose=${close} />`}
      ${asked?.kind === "rename" && asked.search && html`<${NameDialog} title="Rename the search" name=${asked.search.name}
        act=${(/** @type {string} */ name) => change(/** @type {SavedSearch} */ (asked.search), { name })} onClose=${close} />`}
      ${asked?.kind === "delete" && asked.search && html`<${Confirm} title=${`Delete “${asked.search.name}”?`}
        words="The matches and their events stay as they are." action="Delete" onClose=${close}
        onConfirm=${() => { close(); attempt(() => remove(/** @type {SavedSearch} */ (asked.search))); }} />`}
    </section>`;
}

/** @param {{title: string, name: string, act: (name: string) => Promise<unknown>, onClose: () => void}} props */
function NameDialog({ title, name, act, onClose }) {
  const [problem, setProblem] = useState("");
  const save = useOnce(async (event) => {
    try {
      await act(event.target.elements.name.value.trim());
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  });
  return html`
    <${Dialog} title=${title} onClose=${onClose} className="confirm">
      <form onSubmit=${save}>
        <label>Name <input name="name" required maxlength="100" defaultValue=${name} autofocus autocomplete="off" /></label>
        ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
        <div class="row end">
          <button type="button" onClick=${onClose}>Cancel</button>
          <button type="submit" class="main">Save</button>
        </div>
      </form>
    <//>`;
}
