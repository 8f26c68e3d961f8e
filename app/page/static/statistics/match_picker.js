// Choosing a match of the library by a search.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { MatchLine } from "../video/match_line.js";
import { titleOf } from "../video/words.js";

/** @typedef {import("../video/types.js").Video} Video */

const REST_MS = 250, SHOWN = "8";

/**
 * @param {object} props
 * @param {string} props.label
 * @param {Video | null} props.video that is chosen
 * @param {boolean} [props.isLoading] it is being read
 * @param {string} [props.without] the id of a video not to offer
 * @param {(id: string) => void} props.onChoose empty: none
 */
export function MatchPicker({ label, video, isLoading = false, without, onChoose }) {
  if (isLoading) return html`<div class="card picked"><p class="hint">Loading…</p></div>`;
  if (video) {
    return html`<div class="card picked" role="group" aria-label=${label}>
      <div><p class="hint">${label}</p><h2><a href=${`#/videos/${video.id}/statistics`}>${titleOf(video)}</a></h2><${MatchLine} video=${video} /></div>
      <button type="button" class="small no-print" aria-label=${`Change: ${label}`} onClick=${() => onChoose("")}>Change</button></div>`;
  }
  return html`<${Search} label=${label} without=${without} onChoose=${onChoose} />`;
}

/** @param {{label: string, without?: string, onChoose: (id: string) => void}} props */
function Search({ label, without, onChoose }) {
  const [found, setFound] = useState(/** @type {Video[] | null} */ (null));
  const [words, setWords] = useState("");
  const asked = useRef(0);
  useEffect(() => {
    const number = ++asked.current;
    const timer = setTimeout(() => {
      const query = new URLSearchParams({ limit: SHOWN });
      if (words.trim()) query.set("q", words.trim());
      call(`/videos?${query}`).then(({ items }) => { if (number === asked.current) setFound(items); }, tell);
    }, found ? REST_MS : 0);
    return () => clearTimeout(timer);
  }, [words]);
  const offered = found?.filter(({ id }) => id !== without) ?? [];
  return html`<div class="card picker" role="group" aria-label=${label}>
    <label>${label}<input type="search" placeholder="Search title, team, competition" value=${words}
      onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label>
    ${found && offered.length === 0 && html`<p class="hint">No other match is found.</p>`}
    <ul class="offered" role="list">${offered.map((one) => html`<li key=${one.id}>
      <button type="button" class="quiet" data-id=${one.id} onClick=${() => onChoose(one.id)}>
        <strong>${titleOf(one)}</strong><${MatchLine} video=${one} /></button></li>`)}</ul></div>`;
}
