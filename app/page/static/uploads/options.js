// What goes along with a video, wherever it comes from: title, model, webhook.

import { signal } from "@preact/signals";
import { html } from "../core/html.js";
import { ModelSelect } from "../video/analyse_dialog.js";

/** @type {import("./transfer.js").Fields} */
const NOTHING = { title: "", model: "", callback_url: "" };

export const fields = signal(NOTHING);

/** Model and webhook stay for the next video, the title does not. */
export function clearTitle() {
  fields.value = { ...fields.value, title: "" };
}

/** The fields without those that are empty. */
export function givenFields() {
  return Object.fromEntries(Object.entries(fields.value).filter(([, value]) => value));
}

/** @param {{isTitleHidden?: boolean}} props */
export function Options({ isTitleHidden = false }) {
  const { title, model, callback_url } = fields.value;
  /** @param {Partial<import("./transfer.js").Fields>} change */
  const set = (change) => {
    fields.value = { ...fields.value, ...change };
  };
  return html`
    <${ModelSelect} value=${model} hasNone onChange=${(/** @type {string} */ name) => set({ model: name })} />
    <details>
      <summary>More options</summary>
      ${!isTitleHidden && html`
        <label>Title
          <input name="title" maxlength="300" autocomplete="off" value=${title} onInput=${(/** @type {any} */ event) => set({ title: event.target.value })} />
        </label>`}
      <label>Webhook URL
        <input name="callback_url" type="url" placeholder="https://…" autocomplete="off" value=${callback_url}
          onInput=${(/** @type {any} */ event) => set({ callback_url: event.target.value })} />
      </label>
    </details>`;
}

/** What the button says that sends a video. */
export function sendWords() {
  return fields.value.model === "none" ? "Upload" : "Upload and analyse";
}
