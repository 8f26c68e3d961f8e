// All clips of the project: how far they are, playing them, keeping them, deleting them.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { keyVersion, tell } from "../core/notices.js";
import { Poll } from "../core/poll.js";
import { ClipRow } from "./clip_row.js";

const PAGE = 50;
const BUSY_MS = 1500, CALM_MS = 15000;

export function ClipsView() {
  const [clips, setClips] = useState(/** @type {any[] | null} */ (null));
  const [titles, setTitles] = useState(/** @type {Record<string, string>} */ ({}));
  const [hasMore, setMore] = useState(false);
  const wanted = useRef(PAGE);
  const poll = useRef(/** @type {Poll | null} */ (null));
  useEffect(() => {
    /** @type {Record<string, string>} */
    const known = {};
    poll.current = new Poll(async () => {
      const { items, isWhole } = await newest(wanted.current);
      setClips(items);
      setMore(!isWhole);
      await learnTitles(items, known);
      setTitles({ ...known });
      return items.some(isBusy) ? BUSY_MS : CALM_MS;
    }, { onFailure: tell });
    poll.current.now();
    return () => poll.current?.stop();
  }, [keyVersion.value]);
  const again = () => poll.current?.now();
  const more = () => {
    wanted.current += PAGE;
    return again();
  };
  return html`<div class="clips">
    <div><h1>Clips</h1>
      <p class="hint">Highlights that were cut in a review or from a search. Open a video and choose “Cut clips” to make some.</p></div>
    ${!clips && html`<p class="hint">Loading…</p>`}
    ${clips?.length === 0 && html`<p class="hint">There are no clips yet.</p>`}
    ${clips && clips.length > 0 && html`<ul class="clip-list" role="list">
      ${clips.map((clip) => html`<${ClipRow} key=${clip.id} clip=${clip} title=${titleOf(clip, titles)} onChange=${again} />`)}</ul>`}
    ${hasMore && html`<button type="button" onClick=${more}>Show more</button>`}
  </div>`;
}

/** @param {any} clip */
function isBusy(clip) {
  return clip.status === "queued" || clip.status === "running";
}

/**
 * @param {number} count
 * @returns {Promise<{items: any[], isWhole: boolean}>}
 */
async function newest(count) {
  /** @type {any[]} */
  const items = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ limit: `${PAGE}`, ...(cursor && { cursor }) });
    const page = await call(`/clips?${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < count);
  return { items, isWhole: !cursor };
}

/**
 * Ask once how each video is called.
 *
 * @param {any[]} clips
 * @param {Record<string, string>} known
 */
async function learnTitles(clips, known) {
  const ids = new Set(clips.map((clip) => clip.video_id).filter((id) => id && !(id in known)));
  await Promise.all([...ids].map(async (id) => {
    known[id] = "";
    try {
      const video = await call(`/videos/${id}`);
      known[id] = video.title || video.filename || id;
    } catch {
      delete known[id]; // Asked again with the next list.
    }
  }));
}

/**
 * @param {any} clip
 * @param {Record<string, string>} titles
 */
function titleOf(clip, titles) {
  if (clip.video_id) return titles[clip.video_id] || "A match";
  const videos = new Set(clip.cuts.map((/** @type {any} */ cut) => cut.video_id));
  return videos.size === 1 ? "One match" : `${videos.size} matches`;
}
