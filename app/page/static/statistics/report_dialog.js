// A report of a match as one file: what goes into it, and waiting for it.

import { useEffect, useRef, useState } from "preact/hooks";
import { call, download } from "../core/api.js";
import { size } from "../core/format.js";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { tell } from "../core/notices.js";
import { useOnce } from "../ui/action.js";
import { Dialog } from "../ui/dialog.js";
import { titleOf } from "../video/words.js";

const ASK_MS = 700;
const STILLS = [0, 12, 24, 48];

/**
 * @typedef {object} Report
 * @property {string} id
 * @property {"queued" | "running" | "succeeded" | "failed" | "canceled"} status
 * @property {number} progress 0 to 1
 * @property {{detail: string} | null} error
 * @property {number | null} size_bytes
 * @property {string[]} key_types
 * @property {{self: string, file: string | null}} links
 */

/**
 * @param {object} props
 * @param {import("../video/types.js").Video} props.video
 * @param {readonly string[]} props.types that events have
 * @param {boolean} [props.isConfirmed] whether only what people confirmed is to count
 * @param {boolean} [props.changesEnds]
 * @param {() => void} props.onClose
 */
export function ReportDialog({ video, types: used, isConfirmed = false, changesEnds = false, onClose }) {
  const types = [...used].sort();
  const [chosen, setChosen] = useState(/** @type {string[]} */ ([]));
  const [stills, setStills] = useState(24);
  const [onlyConfirmed, setOnlyConfirmed] = useState(isConfirmed);
  const [report, setReport] = useState(/** @type {Report | null} */ (null));
  const [problem, setProblem] = useState("");
  const [post] = useState(() => new IdempotentPost());
  const timer = useRef(0);
  const isClosed = useRef(false);
  useEffect(() => () => {
    isClosed.current = true;
    clearTimeout(timer.current);
  }, []);
  /** @param {Report} found */
  const follow = (found) => {
    if (isClosed.current) return;
    setReport(found);
    if (found.status === "succeeded") save(found, video);
    else if (found.status === "queued" || found.status === "running") {
      timer.current = setTimeout(() => call(found.links.self).then(follow, fail), ASK_MS);
    }
  };
  /** @param {unknown} error */
  const fail = (error) => {
    setReport(null);
    setProblem(error instanceof Error ? error.message : String(error));
  };
  const make = useOnce(() => {
    setProblem("");
    const json = { key_types: chosen, stills, only_confirmed: onlyConfirmed, changes_ends: changesEnds };
    return post.send(`/videos/${video.id}/reports`, json).then(follow, fail);
  });
  /** @param {string} type @param {boolean} isOn */
  const choose = (type, isOn) => setChosen(isOn ? [...chosen, type] : chosen.filter((one) => one !== type));
  return html`<${Dialog} id="report-dialog" title="Report" onClose=${onClose}>
    ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
    ${report ? html`<${Progress} report=${report} video=${video} onAgain=${() => setReport(null)} />` : html`
      <form onSubmit=${make}>
        <p class="hint">One HTML file with the timeline, the statistics and stills of key events, for people without Touchline. It opens in any
          browser, without a network.</p>
        ${types.length > 0 && html`<fieldset><legend>Key events</legend>
          <p class="hint">None ticked: goals, shots, penalties and cards, or the rarest type.</p>
          <div class="choices">${types.map((type) => html`<label key=${type}><input type="checkbox" checked=${chosen.includes(type)}
            onChange=${(/** @type {any} */ event) => choose(type, event.target.checked)} /> ${type}</label>`)}</div></fieldset>`}
        <label>Stills at most <select value=${stills} onChange=${(/** @type {any} */ event) => setStills(Number(event.target.value))}>
          ${STILLS.map((count) => html`<option key=${count} value=${count}>${count || "none"}</option>`)}</select></label>
        <div class="choices"><label><input type="checkbox" checked=${onlyConfirmed}
          onChange=${(/** @type {any} */ event) => setOnlyConfirmed(event.target.checked)} /> Only what people confirmed</label></div>
        <div class="row end"><button type="submit" class="main" data-is="make-report">Make the report</button></div>
      </form>`}
  <//>`;
}

/** @param {{report: Report, video: import("../video/types.js").Video, onAgain: () => void}} props */
function Progress({ report, video, onAgain }) {
  const { status, progress, error, links } = report;
  if (links.file) {
    return html`<p role="status">The report is ready${report.size_bytes ? ` (${size(report.size_bytes)})` : ""}.</p>
      <div class="row end"><a class="button" href=${links.file} target="_blank" rel="noopener">Open</a>
        <button type="button" class="main" data-is="save-report" onClick=${() => save(report, video)}>Save again</button></div>`;
  }
  if (status === "queued" || status === "running") {
    return html`<p role="status">${status === "queued" ? "Waits for the media worker…" : "Stills are being taken…"}</p>
      <span class="bar"><span style=${{ width: `${progress * 100}%` }}></span></span>`;
  }
  return html`<p class="trouble inline" role="alert">${error?.detail ?? "The report was canceled."}</p>
    <div class="row end"><button type="button" onClick=${onAgain}>Try again</button></div>`;
}

/** @param {Report} report @param {import("../video/types.js").Video} video */
function save({ links }, video) {
  if (links.file) download(`${links.file}?save=true`, `${titleOf(video)}.report.html`).catch(tell);
}
