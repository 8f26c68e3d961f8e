// Errors side by side: what one model missed and another found, each a step from its moment.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { clock } from "../core/format.js";
import { html } from "../core/html.js";
import { attempt, tell } from "../core/notices.js";
import { placeOf } from "../review/place.js";
import { differs, queryOf } from "./errors.js";
import { ModelKey } from "./intervals.js";
import { learnTitles, titleOfVideo } from "./titles.js";
import { ERRORS, OUTCOMES, RIGHTS } from "./words.js";

/**
 * @typedef {import("./types.js").Comparison} Comparison
 * @typedef {import("./types.js").ComparisonError} ComparisonError
 * @typedef {import("./errors.js").Wanted} Wanted
 */

const PAGE = 200, SHOWN = 50, MOST_PAGES = 20;

/** @param {{comparison: Comparison}} props */
export function ErrorsList({ comparison }) {
  const [wanted, setWanted] = useState(/** @type {Wanted} */ ({ type: "", kind: "", model: "", differs: true }));
  const { rows, hasMore, isLoading, isMissing, again, more } = useErrors(comparison.id, wanted);
  const names = comparison.models.map(({ name }) => name);
  /** @param {Partial<Wanted>} change */
  const set = (change) => setWanted((before) => ({ ...before, ...change }));
  return html`<section id="comparison-errors" class="card teach-section" aria-labelledby="errors-title">
    <div class="section-title"><h2 id="errors-title">Errors side by side</h2>
      <p class="hint">A time opens the review of the match there</p></div>
    <div class="row wrap error-filters no-print">
      <${Select} name="type" label="Type" value=${wanted.type} options=${comparison.types.map(({ type }) => [type, type])} onChange=${(/** @type {string} */ type) => set({ type })} />
      <${Select} name="kind" label="Error" value=${wanted.kind} options=${Object.entries(ERRORS)} onChange=${(/** @type {string} */ kind) => set({ kind })} />
      <${Select} name="model" label="Of" value=${wanted.model} options=${names.map((name) => [name, name])} onChange=${(/** @type {string} */ model) => set({ model })} />
      <label class="check"><input type="checkbox" name="differs" checked=${wanted.differs} onChange=${(/** @type {any} */ event) => set({ differs: event.target.checked })} />
        only where the models differ</label>
    </div>
    <p class="hint" role="status">${isMissing ? "They could not be read." : countWords(rows.length, hasMore, isLoading)}</p>
    ${isMissing && html`<button type="button" class="small no-print" onClick=${() => attempt(again)}>Try again</button>`}
    ${rows.length === 0 && !isLoading && !isMissing && html`<p class="empty-note">${wanted.differs ? "The models err at the same moments. Take the tick away to see these."
      : "There is no such error. Choose another type or another kind."}</p>`}
    ${rows.length > 0 && html`<div class="table-scroll" role="region" aria-label="Errors" tabindex="0"><table class="figures errors">
      <caption class="unseen">Moments at which a model errs, and what each model did there</caption>
      <thead><tr><th scope="col">Moment</th><th scope="col">Type</th>${names.map((name, index) => html`<th key=${name} scope="col" class="nowrap"><${ModelKey} index=${index} /> ${name}</th>`)}</tr></thead>
      <tbody>${rows.map((error) => html`<${Row} key=${`${error.video_id} ${error.frame} ${error.type} ${error.kind}`} error=${error} names=${names} />`)}</tbody>
    </table></div>`}
    ${hasMore && !isLoading && html`<button type="button" class="quiet no-print" onClick=${() => attempt(more)}>More errors</button>`}
  </section>`;
}

/** @param {{error: ComparisonError, names: string[]}} props */
function Row({ error, names }) {
  const title = titleOfVideo(error.video_id);
  return html`<tr data-frame=${error.frame} data-kind=${error.kind}>
    <th scope="row"><a href=${placeOf(error.video_id, error.time_s)} aria-label=${`Review ${error.type} at ${clock(error.time_s, 1)} of ${title}`}>
      <span class="mono">${clock(error.time_s, 1)}</span></a> <span class="hint">${title}</span></th>
    <td>${error.type}</td>
    ${names.map((name) => html`<${Outcome} key=${name} said=${error.by[name]} />`)}</tr>`;
}

/** @param {{said: import("./types.js").Said | undefined}} props */
function Outcome({ said }) {
  if (!said) return html`<td class="hint">–</td>`;
  const { kind, label, score } = said;
  const isWrong = kind in ERRORS;
  return html`<td class=${kind in RIGHTS ? "is-right" : isWrong ? "is-wrong" : ""} data-kind=${kind}>
    <span class="mark" aria-hidden="true">${kind in RIGHTS ? "✓" : isWrong ? "✗" : ""}</span> ${OUTCOMES[kind] ?? kind}${label && ` (${label})`}
    ${score !== null && html` <span class="hint mono">${score.toFixed(2)}</span>`}</td>`;
}

/**
 * @param {object} props
 * @param {string} props.name
 * @param {string} props.label
 * @param {string} props.value
 * @param {string[][]} props.options value and words
 * @param {(value: string) => void} props.onChange
 */
function Select({ name, label, value, options, onChange }) {
  return html`<label>${label} <select name=${name} value=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>
    <option value="">all</option>${options.map(([one, words]) => html`<option key=${one} value=${one}>${words}</option>`)}</select></label>`;
}

/**
 * Read pages until there are enough rows to show.
 *
 * @param {string} id of the comparison
 * @param {Wanted} wanted
 */
function useErrors(id, wanted) {
  const [rows, setRows] = useState(/** @type {ComparisonError[]} */ ([]));
  const [cursor, setCursor] = useState(/** @type {string | null} */ (null));
  const [isLoading, setLoading] = useState(true);
  const [isMissing, setMissing] = useState(false);
  const leaving = useRef(new AbortController());
  /** @param {ComparisonError[]} before @param {string | null} from */
  const read = async (before, from) => {
    const { signal } = leaving.current;
    setLoading(true);
    setMissing(false);
    try {
      const found = [...before];
      let next = from;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const answer = await call(`/comparisons/${id}/errors?${queryOf(wanted, next, PAGE)}`, { signal });
        found.push(...answer.items.filter((/** @type {ComparisonError} */ one) => !wanted.differs || differs(one)));
        next = answer.next_cursor;
        if (!next || found.length >= before.length + SHOWN) break;
      }
      learnTitles(found.map(({ video_id: video }) => video));
      setRows(found);
      setCursor(next);
    } catch (error) {
      if (!signal.aborted && !before.length) setMissing(true);
      throw error;
    } finally {
      if (!signal.aborted) setLoading(false);
    }
  };
  useEffect(() => {
    leaving.current = new AbortController();
    const { current } = leaving;
    setRows([]);
    setCursor(null);
    read([], null).catch(tell);
    return () => current.abort();
  }, [id, JSON.stringify(wanted)]);
  return { rows, hasMore: cursor !== null, isLoading, isMissing, again: () => read([], null), more: () => read(rows, cursor) };
}

/** @param {number} count @param {boolean} hasMore @param {boolean} isLoading */
function countWords(count, hasMore, isLoading) {
  if (isLoading) return "Loading…";
  return hasMore ? `the first ${count}` : `${count} ${count === 1 ? "moment" : "moments"}`;
}
