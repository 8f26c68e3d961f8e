// Files of this computer: chosen or dropped, then sent together.

import { signal } from "@preact/signals";
import { counted, size } from "../core/format.js";
import { html } from "../core/html.js";
import { clearTitle, fields, Options, sendWords } from "./options.js";
import { inOrder, kindOf, MOST_PARTS } from "./match_parts.js";
import { findInterrupted, send, sendMatch } from "./store.js";
import { VIDEO_FILES } from "./video_files.js";

/** @type {import("@preact/signals").Signal<File[]>} */
const chosen = signal([]);

/** Whether the chosen files are one match; how, if the user has said it. */
const isMatch = signal(false);
/** @type {import("@preact/signals").Signal<import("./match_parts.js").PartsKind | "">} */
const chosenKind = signal("");

/** Add files to those that will be sent; the same file counts once. @param {File[]} files */
export function choose(files) {
  const known = new Set(chosen.value.map(nameOf));
  chosen.value = [...chosen.value, ...files.filter((file) => !known.has(nameOf(file)))];
}

export function FileForm() {
  const isOne = isMatch.value && chosen.value.length > 1;
  const files = isOne ? inOrder(chosen.value) : chosen.value;
  const kind = chosenKind.value || kindOf(files.map((file) => file.name));
  const isTooMany = isOne && files.length > MOST_PARTS;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (!files.length || isTooMany) return;
    if (isOne) sendMatch(files, fields.value, kind);
    else send(files, fields.value);
    chosen.value = [];
    isMatch.value = false;
    chosenKind.value = "";
    clearTitle();
    findInterrupted();
  };
  return html`
    <form id="upload" class="upload-form" onSubmit=${submit}>
      <label class="drop">
        <strong id="file-name">${files.length ? "Add more" : "Choose match videos"}</strong>
        <span>or drop them anywhere: MP4, MOV, MKV, WebM, TS, AVI</span>
        <input id="file" class="unseen" type="file" multiple accept=${VIDEO_FILES}
          onChange=${(/** @type {any} */ event) => { choose([...event.target.files]); event.target.value = ""; }} />
      </label>
      ${files.length > 0 && html`
        <ul class="chosen" role="list" aria-label="Chosen files">
          ${files.map((file) => html`
            <li key=${nameOf(file)}><span class="name" title=${file.name}>${file.name}</span><span class="hint">${size(file.size)}</span>
              <button type="button" class="quiet small" aria-label=${`Leave ${file.name} out`}
                onClick=${() => { chosen.value = chosen.value.filter((one) => one !== file); }}>×</button></li>`)}
        </ul>`}
      ${files.length > 1 && html`
        <label class="check"><input id="one-match" type="checkbox" checked=${isMatch.value}
          onChange=${(/** @type {any} */ event) => { isMatch.value = event.target.checked; }} /> They are one match, in this order</label>`}
      ${isOne && html`
        <label>Each file is
          <select name="parts" value=${kind} onChange=${(/** @type {any} */ event) => { chosenKind.value = event.target.value; }}>
            <option value="consecutive">what follows the one before</option>
            <option value="halves">a half of the match</option>
          </select>
        </label>`}
      ${isTooMany && html`<p class="hint bad" role="alert">At most ${MOST_PARTS} files become one match.</p>`}
      <${Options} isTitleHidden=${files.length > 1 && !isOne} />
      <button id="send" class="main" type="submit" disabled=${!files.length || isTooMany}>
        ${files.length > 1 ? `${sendWords()} (${counted(files.length, "file")})` : sendWords()}
      </button>
    </form>`;
}

/** @param {File} file */
function nameOf(file) {
  return `${file.name}/${file.size}/${file.lastModified}`;
}
