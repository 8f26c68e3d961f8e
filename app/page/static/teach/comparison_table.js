// The figures of compared models, type by type, and how far they lie apart.

import { html } from "../core/html.js";
import { differenceWords, IntervalBar, ModelKey, rangeWords, scaleOf } from "./intervals.js";

/**
 * @typedef {import("./types.js").Comparison} Comparison
 * @typedef {import("./types.js").TypeFigures} TypeFigures
 */

/** @param {{comparison: Comparison}} props */
export function FiguresOfTypes({ comparison }) {
  const { types } = comparison;
  const names = comparison.models.map(({ name }) => name);
  return html`<section class="card teach-section" aria-labelledby="figures-title">
    <div class="section-title"><h2 id="figures-title">Figures</h2>
      <p class="hint">Average precision within 0.5 s and F1 within 1 s; in 95 of 100 such samples the figure lies between the ends of the bar</p></div>
    <div class="table-scroll" role="region" aria-label="Figures by type and model" tabindex="0"><table class="figures compared-figures">
      <caption class="unseen">Average precision and F1 of each model, by type, with intervals</caption>
      <thead><tr><th scope="col">Type</th><th scope="col">Model</th><th scope="col" colspan="2">AP <${Axis} ends=${["0", "1"]} /></th>
        <th scope="col" colspan="2">F1 <${Axis} ends=${["0", "1"]} /></th><th scope="col" class="number">Precision</th><th scope="col" class="number">Recall</th></tr></thead>
      ${types.map((type) => html`<${RowsOfType} key=${type.type} type=${type} names=${names} />`)}
    </table></div>
    <${Differences} types=${types} names=${names} />
  </section>`;
}

/** @param {{type: TypeFigures, names: string[]}} props */
function RowsOfType({ type, names }) {
  return html`<tbody>${type.models.map((model, row) => {
    const index = names.indexOf(model.name);
    return html`<tr key=${model.name}>
      ${row === 0 && html`<th scope="rowgroup" rowspan=${type.models.length} class="type-name">${type.type}
        <span class="hint">${type.events} ${type.events === 1 ? "event" : "events"}</span></th>`}
      <th scope="row" class="nowrap"><${ModelKey} index=${index} /> ${model.name}</th>
      <td class="bar-cell"><${IntervalBar} estimate=${model.ap} index=${index} /></td><td class="nowrap">${rangeWords(model.ap)}</td>
      <td class="bar-cell"><${IntervalBar} estimate=${model.f1} index=${index} /></td><td class="nowrap">${rangeWords(model.f1)}</td>
      <td class="number">${model.precision.toFixed(2)}</td><td class="number">${model.recall.toFixed(2)}</td></tr>`;
  })}</tbody>`;
}

/** @param {{types: readonly TypeFigures[], names: string[]}} props */
function Differences({ types, names }) {
  const all = types.flatMap(({ differences }) => differences);
  if (!all.length) return null;
  const scale = scaleOf(all.flatMap(({ ap, f1 }) => [ap, f1]));
  const ends = [`−${scale[1].toFixed(2)}`, `+${scale[1].toFixed(2)}`];
  return html`<h3>Differences</h3>
    <p class="hint">Right of the line the first model is better. Where the bar crosses the line, the footage does not tell which is.</p>
    <div class="table-scroll" role="region" aria-label="Differences by type" tabindex="0"><table class="figures compared-figures">
      <caption class="unseen">By how much one model is better than another, by type, with intervals</caption>
      <thead><tr><th scope="col">Type</th><th scope="col">Models</th><th scope="col" colspan="2">AP <${Axis} ends=${ends} /></th>
        <th scope="col" colspan="2">F1 <${Axis} ends=${ends} /></th></tr></thead>
      <tbody>${types.map(({ type, differences }) => differences.map(({ model, against, ap, f1 }) => html`<tr key=${`${type} ${model} ${against}`}>
        <th scope="row" class="type-name">${type}</th><td class="nowrap">${model} against ${against}</td>
        <td class="bar-cell"><${IntervalBar} estimate=${ap} index=${names.indexOf(model)} scale=${scale} /></td><td class="nowrap">${differenceWords(ap)}</td>
        <td class="bar-cell"><${IntervalBar} estimate=${f1} index=${names.indexOf(model)} scale=${scale} /></td><td class="nowrap">${differenceWords(f1)}</td></tr>`))}</tbody>
    </table></div>`;
}

/** What the ends of the bars below it stand for. @param {{ends: string[]}} props */
function Axis({ ends }) {
  return html`<span class="axis-ends">bars from ${ends[0]} to ${ends[1]}</span>`;
}
