// What the project may store and have waiting, where the operator has set quotas.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../core/api.js";
import { size } from "../core/format.js";
import { html } from "../core/html.js";
import { keyVersion } from "../core/notices.js";
import { videos } from "./store.js";

const NEARLY = 0.9;

/**
 * @typedef {object} Project
 * @property {{used_bytes: number, limit_bytes: number | null}} stored
 * @property {{used_hours: number, limit_hours: number | null}} queued
 */

/** @type {import("@preact/signals").Signal<Project | null>} */
const project = signal(null);

/** A line for each quota; nothing where there is none. */
export function Quotas() {
  // Whatever comes, goes or ends changes the use.
  const state = videos.value.map((video) => `${video.id} ${video.status}`).join();
  useEffect(() => {
    const leaving = new AbortController();
    call("/project", { signal: leaving.signal }).then((found) => {
      project.value = found;
    }, () => {}); // The list tells when the server is away.
    return () => leaving.abort();
  }, [state, keyVersion.value]);
  const lines = project.value ? quotaLines(project.value) : [];
  return lines.length > 0 && html`
    <p id="quotas" class="hint" role="status">
      ${lines.map(({ words, isNearly }) => html`<span class=${isNearly ? "quota nearly" : "quota"}>${words}</span>`)}
    </p>`;
}

/**
 * Say what is used of each quota.
 *
 * @param {Project} of
 * @returns {{words: string, isNearly: boolean}[]}
 */
export function quotaLines({ stored, queued }) {
  const lines = [];
  if (stored.limit_bytes !== null) {
    const { used_bytes: used, limit_bytes: limit } = stored;
    lines.push({ words: `${size(used)} of ${size(limit)} stored.`, isNearly: used >= NEARLY * limit });
  }
  if (queued.limit_hours !== null) {
    const { used_hours: used, limit_hours: limit } = queued;
    const words = `${hours(used)} of ${hours(limit)} hours wait for analysis.`;
    lines.push({ words, isNearly: used >= NEARLY * limit });
  }
  return lines;
}

/** @param {number} value */
function hours(value) {
  return String(Number(value.toFixed(1)));
}
