// Who said what of an event, and when.

import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { dateTime } from "../core/format.js";
import { html } from "../core/html.js";
import { tell } from "../core/notices.js";
import { useReview } from "./context.js";
import { timecode } from "./timecode.js";

/** @param {{event: import("./types.js").ReviewEvent}} props */
export function History({ event }) {
  const { model } = useReview();
  const [isOpen, setOpen] = useState(false);
  const [entries, setEntries] = useState(/** @type {any[] | null} */ (null));
  const isLocal = event.id.startsWith("new-");
  useEffect(() => {
    if (!isOpen || isLocal) return undefined;
    const leaving = new AbortController();
    const { signal } = leaving;
    call(`${model.path}/events/${event.id}/history`, { signal }).then((found) => setEntries(found.items ?? []), tell);
    return () => leaving.abort();
  }, [isOpen, event.id, event.version]);
  return html`<details class="history" open=${isOpen} onToggle=${(/** @type {any} */ toggle) => setOpen(toggle.currentTarget.open)}>
    <summary>History</summary>
    ${isLocal && html`<p class="hint">Not sent yet.</p>`}
    ${entries?.length === 0 && html`<p class="hint">Nobody has decided on this event.</p>`}
    <ol>${(entries ?? []).map((entry) => html`<li key=${entry.id ?? entry.revision}>
      <span>${entry.author}: ${wordsOf(entry)}</span> <time class="hint" datetime=${entry.at ?? entry.created_at}>${dateTime(entry.at ?? entry.created_at)}</time></li>`)}</ol>
  </details>`;
}

/**
 * Say what a step changed.
 *
 * @param {{action: string, before: Record<string, any> | null, after: Record<string, any> | null, reverts?: string | null}} entry
 */
export function wordsOf({ action, before, after, reverts }) {
  const parts = [reverts ? `${action} (undo or redo)` : action];
  if (before && after) parts.push(...differences(before, after));
  else if (after?.time_s !== undefined) parts.push(`at ${timecode(after.time_s, 2)}`);
  return parts.join(", ");
}

/**
 * @param {Record<string, any>} before
 * @param {Record<string, any>} after
 */
function differences(before, after) {
  const [old, now] = [factsOf(before), factsOf(after)];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((name) => old[name] !== now[name])
    .map((name) => `${name} ${old[name] ?? "none"} → ${now[name] ?? "none"}`);
}

/**
 * @param {Record<string, any>} state
 * @returns {Record<string, any>}
 */
function factsOf({ type, frame, state, attributes }) { return { type, frame, state, ...attributes }; }
