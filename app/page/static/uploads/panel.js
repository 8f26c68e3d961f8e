// How videos come in: files, an address on the web, or the operator's folder.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { html } from "../core/html.js";
import { keyVersion, tell } from "../core/notices.js";
import { loadModels } from "../video/models.js";
import { FileForm, choose } from "./file_form.js";
import { UrlForm } from "./url_form.js";
import { FolderForm } from "./folder_form.js";
import { findInterrupted } from "./store.js";
import { TransferList } from "./transfer_list.js";

const SOURCES = [["files", "Files"], ["url", "Web address"], ["folder", "Server folder"]];

const source = signal("files");
const isOver = signal(false);
/* Where there is one column only, the list comes first. */
const isShown = signal(matchMedia("(min-width: 1081px)").matches);

export function UploadPanel() {
  useEffect(() => {
    loadModels().catch(tell);
    findInterrupted();
    return listenToDrops();
  }, [keyVersion.value]);
  return html`
    <section class="uploads" aria-label="Add videos">
      <details class="card" open=${isShown.value} onToggle=${(/** @type {any} */ event) => { isShown.value = event.target.open; }}>
        <summary>Add videos</summary>
        <div class="upload-form">
        <div class="source-tabs" role="radiogroup" aria-label="Where the video is">
          ${SOURCES.map(([value, label]) => html`
            <label key=${value}><input class="unseen" type="radio" name="source" value=${value} checked=${source.value === value}
              onChange=${() => { source.value = value; }} />${label}</label>`)}
        </div>
        ${source.value === "files" && html`<${FileForm} />`}
        ${source.value === "url" && html`<${UrlForm} />`}
        ${source.value === "folder" && html`<${FolderForm} />`}
        </div>
      </details>
      <${TransferList} />
      ${isOver.value && html`<div class="drop-cover" aria-hidden="true">Drop to add</div>`}
    </section>`;
}

/** Files may be dropped anywhere on the library. */
function listenToDrops() {
  const listening = new AbortController();
  const { signal: stop } = listening;
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) isOver.value = true;
  }, { signal: stop });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  }, { signal: stop });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) isOver.value = false;
  }, { signal: stop });
  addEventListener("drop", (event) => {
    isOver.value = false;
    if (!hasFiles(event)) return;
    event.preventDefault();
    source.value = "files";
    isShown.value = true;
    choose([...(event.dataTransfer?.files ?? [])]);
  }, { signal: stop });
  return () => listening.abort();
}
