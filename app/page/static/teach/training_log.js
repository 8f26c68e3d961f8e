// The log of a training: it follows the end until somebody scrolls up.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { attempt } from "../core/notices.js";
import { withNewer } from "./log_lines.js";

/** @typedef {import("./log_lines.js").Line} Line */

const NEAR_PX = 24, MOST_SHOWN = 200;

/** @param {{training: import("./types.js").Training}} props */
export function TrainingLog({ training }) {
  const [all, setAll] = useState(/** @type {Line[] | null} */ (null));
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const isAtEnd = useRef(true);
  const lines = all ?? training.log ?? [];
  useEffect(() => {
    if (!all) return;
    const more = withNewer(all, training.log ?? []);
    if (!more) showAll();
    else if (more.length > all.length) setAll(more);
  }, [training.log]);
  useEffect(() => {
    if (place.current && isAtEnd.current) place.current.scrollTop = place.current.scrollHeight;
  }, [lines.length, lines[lines.length - 1]?.at]);
  /** @param {any} event */
  const onScroll = ({ target }) => {
    isAtEnd.current = target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_PX;
  };
  const showAll = () => attempt(async () => {
    setAll(await wholeLog(training.id));
  });
  return html`<section class="card teach-section teach-log" aria-label="What it told">
    <div class="section-title"><h2 id="log-title">Log</h2>
      ${!all && lines.length >= MOST_SHOWN && html`<button type="button" class="quiet small no-print" onClick=${showAll}>Show all of it</button>`}</div>
    ${lines.length === 0 ? html`<p class="hint">Nothing yet.</p>`
      : html`<div role="region" aria-labelledby="log-title" tabindex="0" ref=${place} onScroll=${onScroll}><ol role="list">
        ${lines.map(({ at, text }, index) => html`<li key=${index}><time datetime=${at}>${new Date(at).toLocaleTimeString()}</time> ${text}</li>`)}</ol></div>`}
  </section>`;
}

/** @param {string} id @returns {Promise<Line[]>} */
async function wholeLog(id) {
  /** @type {Line[]} */
  const lines = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ limit: "1000", ...(cursor && { cursor }) });
    const page = await call(`/trainings/${id}/log?${query}`);
    lines.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return lines;
}
