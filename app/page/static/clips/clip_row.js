// One clip in the list of all.

import { useState } from "preact/hooks";
import { call } from "../core/api.js";
import { clock, counted, dateTime, size } from "../core/format.js";
import { html } from "../core/html.js";
import { announce } from "../core/notices.js";
import { Action } from "../ui/action.js";
import { Confirm, Dialog } from "../ui/dialog.js";

/** @type {Record<string, string>} */
const FORMS = { reel: "Reel", zip: "Single clips", playlist: "Playlist" };
/** @type {Record<string, string>} */
const MODES = { exact: "encoded", smart: "borders encoded", copy: "copied" };
const STATUS = /** @type {Record<string, string>} */ ({
  queued: "Waiting", running: "Rendering", succeeded: "Ready", failed: "Failed", canceled: "Canceled",
});

/** @param {{clip: any, title: string, onChange: () => unknown}} props */
export function ClipRow({ clip, title, onChange }) {
  const [shown, setShown] = useState(/** @type {"" | "player" | "delete"} */ (""));
  const isBusy = clip.status === "queued" || clip.status === "running";
  const percent = Math.round(clip.progress * 100);
  const file = clip.links.file;
  const cancel = async () => {
    await call(`/jobs/${clip.job_id}/cancel`, { method: "POST" });
    await onChange();
  };
  const remove = async () => {
    setShown("");
    await call(`/clips/${clip.id}`, { method: "DELETE" });
    announce("Deleted.");
    await onChange();
  };
  return html`<li class="card clip-row" data-clip=${clip.id} data-status=${clip.status}>
    <div class="clip-words">
      <h2>${title}</h2>
      <p class="hint">${summaryOf(clip)}</p>
      <p class="hint">${dateTime(clip.created_at)}, ${clip.created_by}</p>
      ${clip.status === "failed" && html`<p class="bad">${clip.error.detail}</p>`}
    </div>
    <div class="clip-state">
      <span class=${`badge ${clip.status}`} role="status">${STATUS[clip.status]}${clip.status === "running" && ` ${percent} %`}</span>
      ${isBusy && html`<span class="bar" role="progressbar" aria-label=${`Rendering of ${title}`} aria-valuenow=${percent}
        aria-valuemin="0" aria-valuemax="100"><span style=${{ width: `${percent}%` }}></span></span>`}
    </div>
    <div class="row wrap">
      ${file && clip.form === "reel" && html`<button type="button" class="small" onClick=${() => setShown("player")}>Play</button>`}
      ${file && html`<a class="button small" href=${file} download>Download</a>`}
      ${isBusy && html`<${Action} class="small" act=${cancel}>Cancel<//>`}
      <button type="button" class="small danger" onClick=${() => setShown("delete")}>Delete</button>
    </div>
    ${shown === "player" && html`<${Dialog} title=${title} onClose=${() => setShown("")} className="clip-player">
      <video src=${file} controls autoplay playsinline aria-label=${`Reel of ${title}`}></video><//>`}
    ${shown === "delete" && html`<${Confirm} title="Delete these clips?" action="Delete" onConfirm=${remove} onClose=${() => setShown("")}
      words="Their file is deleted; a rendering that still runs is stopped. The match and its events stay." />`}
  </li>`;
}

/** @param {any} clip */
function summaryOf(clip) {
  /** @type {Map<string, number>} */
  const types = new Map();
  for (const cut of clip.cuts) for (const { type } of cut.events) types.set(type, (types.get(type) ?? 0) + 1);
  const named = [...types].map(([type, many]) => `${many} ${type}`).join(", ");
  const parts = [FORMS[clip.form], counted(clip.cuts.length, "clip"), clock(clip.length_s), named];
  if (clip.file) parts.push(MODES[clip.file.mode]);
  if (clip.size_bytes) parts.push(size(clip.size_bytes));
  return parts.filter(Boolean).join(" · ");
}
