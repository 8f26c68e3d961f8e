// What a match's timeline comes to in numbers: #/videos/ID/statistics.

import { useEffect, useState } from "preact/hooks";
import { withQuery } from "../core/address.js";
import { call, download } from "../core/api.js";
import { html } from "../core/html.js";
import { attempt, keyVersion, tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { goTo, route } from "../core/router.js";
import { MatchLine } from "../video/match_line.js";
import { titleOf } from "../video/words.js";
import { MomentsDialog } from "./moments_dialog.js";
import { listAddress, wantedOf } from "./moments.js";
import { askedOf } from "./options.js";
import { ReportDialog } from "./report_dialog.js";
import { Sections } from "./sections.js";

/**
 * @typedef {import("./types.js").Statistics} Statistics
 * @typedef {import("../video/types.js").Video} Video
 */

/** @param {{id: string}} props */
export function StatisticsView({ id: videoId }) {
  const { query } = route.value;
  const asked = askedOf(query).toString();
  const [video, setVideo] = useState(/** @type {Video | null} */ (null));
  const [statistics, setStatistics] = useState(/** @type {Statistics | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [readings, setReadings] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const read = async () => {
      const [found, figures] = await Promise.all([
        call(`/videos/${videoId}`, { signal }), call(`/videos/${videoId}/statistics?${asked}`, { signal }).catch(keep),
      ]);
      setVideo(found);
      setProblem(figures instanceof Problem ? figures : null);
      setStatistics(figures instanceof Problem ? null : figures);
    };
    read().catch((error) => (error instanceof Problem && error.status === 404 ? setProblem(error) : tell(error)));
    return () => leaving.abort();
  }, [asked, readings, keyVersion.value]);
  useEffect(() => {
    if (video) document.title = `${titleOf(video)} · statistics`;
    return () => { document.title = "Touchline"; };
  }, [video]);
  if (!video) return problem ? html`<${Gone} />` : html`<p class="hint">Loading…</p>`;
  const path = `/videos/${videoId}/statistics`;
  const wanted = wantedOf(query);
  return html`<article class="statistics" data-ready=${statistics !== null || problem !== null}>
    <${Title} video=${video} query=${query} asked=${asked} types=${statistics?.types ?? null} />
    ${problem && html`<${NoTimeline} video=${video} problem=${problem} />`}
    ${statistics && html`<${Sections} video=${video} statistics=${statistics} query=${query} onChange=${() => setReadings(readings + 1)} />`}
    ${statistics && wanted && html`<${MomentsDialog} key=${JSON.stringify(wanted)} video=${video} statistics=${statistics} wanted=${wanted}
      query=${query} onClose=${() => goTo(listAddress(path, query, null).slice(1))} />`}
  </article>`;
}

/** @param {unknown} error there is no timeline, which is said in the view */
function keep(error) {
  if (error instanceof Problem && (error.status === 409 || error.status === 404)) return error;
  throw error;
}

/**
 * @param {object} props
 * @param {Video} props.video
 * @param {URLSearchParams} props.query of the address
 * @param {string} props.asked of the API
 * @param {string[] | null} props.types that events have; null: there is no timeline
 */
function Title({ video, query, asked, types }) {
  const isKnown = types !== null;
  const [isReporting, setReporting] = useState(false);
  /** @param {string} name @param {boolean} isOn */
  const set = (name, isOn) => {
    const changed = new URLSearchParams(query);
    if (isOn) changed.set(name, "1");
    else changed.delete(name);
    goTo(withQuery(`/videos/${video.id}/statistics`, changed));
  };
  const save = () => attempt(() => download(`/videos/${video.id}/statistics?${asked}&format=csv`, `${titleOf(video)}.statistics.csv`));
  const sides = (video.teams ?? []).filter(({ side }) => side).length;
  return html`<header class="statistics-title">
    <p class="no-print"><a class="quiet-link" href=${`#/videos/${video.id}`}>← Review</a></p>
    <div class="row wrap">
      <h1>${titleOf(video)}</h1>
      <${MatchLine} video=${video} />
      <span class="spring"></span>
      <span class="row wrap no-print">
        <a class="button small" href=${`#/compare?a=${video.id}`}>Compare</a>
        <button type="button" class="small" data-is="csv" disabled=${!isKnown} onClick=${save}>CSV</button>
        <button type="button" class="small" data-is="report" disabled=${!isKnown} onClick=${() => setReporting(true)}>Report</button>
        <button type="button" class="small" disabled=${!isKnown} onClick=${() => print()}>Print</button>
      </span>
    </div>
    ${isKnown && html`<div class="choices">
      <label><input type="checkbox" name="confirmed" checked=${Boolean(query.get("confirmed"))}
        onChange=${(/** @type {any} */ event) => set("confirmed", event.target.checked)} /> Only what people confirmed</label>
      ${sides === 2 && (video.halves ?? []).length > 1 && html`
        <label title="Events name the end of the pitch: in every second half the sides of the match facts are swapped.">
          <input type="checkbox" name="ends" checked=${Boolean(query.get("ends"))}
            onChange=${(/** @type {any} */ event) => set("ends", event.target.checked)} /> Teams change ends</label>`}
    </div>`}
    ${isReporting && html`<${ReportDialog} video=${video} types=${types ?? []} changesEnds=${Boolean(query.get("ends"))}
      isConfirmed=${Boolean(query.get("confirmed"))} onClose=${() => setReporting(false)} />`}
  </header>`;
}

function Gone() {
  return html`<div class="card"><h1>This video is not here</h1><p>It was deleted, or the address is wrong.</p>
    <p><a href="#/">Back to the library</a></p></div>`;
}

/** @param {{video: Video, problem: Problem}} props */
function NoTimeline({ video, problem }) {
  return html`<div class="empty"><h2>No timeline to count yet</h2>
    <p>${problem.message}</p>
    <p>Statistics are there as soon as the analysis has ended, or events have been tagged by hand.</p>
    <p><a class="button" href=${`#/videos/${video.id}`}>Open the review</a></p></div>`;
}
