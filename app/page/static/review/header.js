// What stands above the review: the video's own bar, downloads, what is unsent, the keys.

import { useEffect, useState } from "preact/hooks";
import { CutButton } from "../clips/cut_button.js";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { attempt, tell } from "../core/notices.js";
import { goTo } from "../core/router.js";
import { ReportDialog } from "../statistics/report_dialog.js";
import { downloadEvents } from "../video/actions.js";
import { VideoBar } from "../video/bar.js";
import { ActionButton, useReview } from "./context.js";
import { ImportDialog } from "./import_dialog.js";

/** @typedef {{name: string, title: string, suffix: string, provenance: "all" | "summary" | "none"}} Format */

export function ReviewHeader() {
  const { model, loader } = useReview();
  const video = model.video.value;
  if (!video) return html`<div class="video-bar"><h1 class="hint">Loading…</h1></div>`;
  return html`<${VideoBar} video=${video} currentTime=${() => model.time.peek()}
    onChange=${() => loader.readVideo().catch(tell)} onGone=${() => goTo("/")}>
    <${Unsent} />
    <a class="button small" data-is="statistics" href=${`#/videos/${video.id}/statistics`}>Statistics</a>
    <${CutButton} />
    <${Downloads} />
    <${ImportButton} />
    <${ActionButton} action="help" icon="keys" className="small-tool">Keys<//>
  <//>`;
}

/** Whether all that was decided has reached the service. */
function Unsent() {
  const { model, decisions } = useReview();
  const count = model.unsent.value;
  const isAway = !model.isOnline.value;
  const words = count === 0 ? "All saved" : `${count} unsent`;
  const title = isAway
    ? "The service cannot be reached. Decisions are kept in this browser and sent in order when it is back."
    : "Decisions are sent as they are made.";
  return html`<span class=${`unsent ${isAway && count ? "away" : ""}`} role="status" data-is="unsent" title=${title}>
    ${isAway && count > 0 && html`<button type="button" class="small" onClick=${() => decisions?.queue.flush()}>Send now</button>`}
    <span>${words}</span></span>`;
}

function ImportButton() {
  const [isOpen, setOpen] = useState(false);
  return html`<button type="button" class="small" data-is="import" onClick=${() => setOpen(true)}>Import events…</button>
    ${isOpen && html`<${ImportDialog} onClose=${() => setOpen(false)} />`}`;
}

/** Files of the events that are shown: hidden types are left out. */
function Downloads() {
  const { model } = useReview();
  const [isOpen, setOpen] = useState(false);
  const [isReporting, setReporting] = useState(false);
  const [hasOrigin, setOrigin] = useState(false);
  const [formats, setFormats] = useState(/** @type {Format[]} */ ([]));
  useEffect(() => {
    if (isOpen && formats.length === 0) attempt(async () => setFormats((await call("/formats")).items));
  }, [isOpen]);
  /** @param {Format} file */
  const save = ({ name: format, suffix }) => attempt(async () => {
    setOpen(false);
    const query = new URLSearchParams();
    const hidden = model.hidden.peek();
    if (hidden.size) {
      for (const { name } of model.types.peek()) if (!hidden.has(name)) query.append("type", name);
    }
    if (hasOrigin) query.set("provenance", "true");
    await downloadEvents(model.video.peek(), format, suffix, query);
  });
  return html`<details class="menu" open=${isOpen} onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === "Escape") setOpen(false); }}>
    <summary class="button small">Download</summary>
    <div class="menu-items">
      <label class="tick" title="Model, thresholds and reviewers go into the file; formats that cannot hold them are left out.">
        <input type="checkbox" name="provenance" checked=${hasOrigin}
          onChange=${(/** @type {any} */ event) => setOrigin(event.target.checked)} /> With provenance</label>
      ${formats.map((file) => html`<button key=${file.name} type="button" class="quiet"
      disabled=${hasOrigin && file.provenance === "none"} data-is=${file.name} onClick=${() => save(file)}>${file.title}</button>`)}
      <button type="button" class="quiet" data-is="report" onClick=${() => { setOpen(false); setReporting(true); }}>Report (HTML)</button></div>
  </details>
  ${isReporting && html`<${ReportDialog} video=${model.video.value} types=${model.usedTypes.value} onClose=${() => setReporting(false)} />`}`;
}
