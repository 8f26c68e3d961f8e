// One video in the library.

import { useState } from "preact/hooks";
import { clock, counted, dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { announce, attempt } from "../core/notices.js";
import { Menu } from "../ui/menu.js";
import { cancel } from "../video/actions.js";
import { AnalyseDialog } from "../video/analyse_dialog.js";
import { DeleteDialog } from "../video/bar.js";
import { FactsDialog } from "../video/facts_dialog.js";
import { MatchLine } from "../video/match_line.js";
import { fileFacts, isByHand, isLive, isOpen, isUnderWay, progressOf, statusOf, titleOf } from "../video/words.js";
import { refreshSoon, replace } from "./store.js";

/** @typedef {import("../video/types.js").Video} Video */

/** @param {{video: Video}} props */
export function VideoRow({ video }) {
  const [asked, setAsked] = useState("");
  const close = () => setAsked("");
  const title = titleOf(video);
  const stop = () => attempt(async () => {
    await cancel(video);
    await refreshSoon();
  });
  const items = [
    { label: "Details", act: () => setAsked("facts") },
    ...isLive(video) ? [] : [isOpen(video)
      ? { label: "Cancel analysis", act: stop }
      : { label: isByHand(video) ? "Analyse" : "Analyse again", act: () => setAsked("analyse") }],
    { label: "Delete", act: () => setAsked("delete"), isDanger: true },
  ];
  return html`
    <li data-id=${video.id}>
      <a href=${`#/videos/${video.id}`}>
        <${Poster} video=${video} />
        <span class="about">
          <strong>${title}</strong>
          <${MatchLine} video=${video} />
          <small title=${fileFacts(video)}>${metaOf(video)}</small>
          ${video.status === "failed" && html`<small class="bad">${video.error?.detail}</small>`}
        </span>
        <span class="standing">
          <span class=${`badge ${isUnderWay(video) ? "running" : video.status}`}>${statusOf(video)}</span>
          ${isUnderWay(video)
            ? html`<span class="bar"><span style=${{ width: `${video.progress * 100}%` }}></span></span><small>${progressOf(video)}</small>`
            : html`<small>${eventWords(video)}</small>`}
        </span>
      </a>
      <${Menu} label=${`Actions for ${title}`} items=${items} />
      ${asked === "facts" && html`<${FactsDialog} video=${video} onSaved=${replace} onClose=${close} />`}
      ${asked === "analyse" && html`<${AnalyseDialog} video=${video} onDone=${refreshSoon} onClose=${close} />`}
      ${asked === "delete" && html`<${DeleteDialog} video=${video} onClose=${close}
        onGone=${() => { announce(`“${title}” was deleted.`); refreshSoon(); }} />`}
    </li>`;
}

/** Its place has a fixed size, so nothing moves when the picture comes. @param {{video: Video}} props */
function Poster({ video }) {
  const [lost, setLost] = useState("");
  const source = video.has_poster ? video.links.poster : "";
  return html`
    <span class="poster">
      ${source && html`<img src=${source} alt="Still from the video" width="112" height="63" loading="lazy" decoding="async"
        hidden=${lost === source} onError=${() => setLost(source)} />`}
      ${video.duration_s && html`<span class="duration">${clock(video.duration_s)}</span>`}
    </span>`;
}

/** @param {Video} video */
function metaOf(video) {
  const size = video.width ? `${video.height}p${video.fps ? ` ${Math.round(video.fps)} fps` : ""} · ` : "";
  return `${size}added ${dateTime(video.created_at)}`;
}

/** @param {Video} video */
function eventWords(video) {
  if (!video.counts) return video.status === "queued" ? progressOf(video) : "";
  return counted(Object.values(video.counts).reduce((sum, count) => sum + count, 0), "event");
}
