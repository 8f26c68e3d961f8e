// The library: every video of the project, and how more of them come in.

import { useEffect } from "preact/hooks";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { goTo } from "../core/router.js";
import { Action } from "../ui/action.js";
import { UploadPanel } from "../uploads/panel.js";
import { FilterBar } from "./filter_bar.js";
import { Quotas } from "./quotas.js";
import { VideoRow } from "./row.js";
import { hasMore, isFiltered, isLoaded, showMore, staleness, videos, watch } from "./store.js";

export function LibraryView() {
  useEffect(watch, []);
  const isEmpty = isLoaded.value && videos.value.length === 0;
  return html`
    <div class="library">
      <section class="library-list" aria-label="Videos">
        <${FilterBar} />
        <${Quotas} />
        ${staleness.value && html`<p id="stale" class="notice" role="status">${staleness.value}</p>`}
        <ul id="videos" class="videos" role="list">
          ${videos.value.map((video) => html`<${VideoRow} key=${video.id} video=${video} />`)}
        </ul>
        ${!isLoaded.value && !staleness.value && html`<p class="hint">Loading…</p>`}
        ${isEmpty && (isFiltered.value
          ? html`<p id="no-match" class="empty">No video matches. Change the search or the filters.</p>`
          : html`<${Welcome} />`)}
        ${hasMore.value && html`<button id="more-videos" type="button" class="quiet" onClick=${showMore}>Older videos</button>`}
      </section>
      <${UploadPanel} />
    </div>`;
}

function Welcome() {
  const openSample = async () => {
    const video = await call("/videos/sample", { method: "POST" });
    goTo(`/videos/${video.id}`);
  };
  return html`
    <div id="no-videos" class="empty">
      <h2>Match video in, a timeline of events out.</h2>
      <p>Add a match. Once it is analysed, you check its events frame by frame.</p>
      <p><${Action} id="sample" class="main" act=${openSample}>Try the sample match<//></p>
      <p class="hint">Two minutes of a rendered match, here in a moment. Delete it whenever you like.</p>
    </div>`;
}
