// A slider a type: what would be an event, seen at once, saved for the video or the model.

import { useState } from "preact/hooks";
import { call, request } from "../core/api.js";
import { html } from "../core/html.js";
import { announce, tell } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { Action } from "../ui/action.js";
import { useReview } from "./context.js";

/** @typedef {import("./types.js").ThresholdFacts} ThresholdFacts */

const NOT_SEEN = '"changed"'; // the ETag of no thresholds

export function ThresholdsPanel() {
  const { model } = useReview();
  const facts = model.thresholdFacts.value;
  if (!facts) return html`<p class="hint panel-text">There are no scores to cut: the video was not analysed by a model.</p>`;
  if (facts.fixed) return html`<p class="hint panel-text">${facts.fixed}</p>`;
  const order = model.types.value.map(({ name }) => name);
  /** @type {ThresholdFacts[]} */
  const types = [...facts.types].sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  return html`<div class="panel-text thresholds">
    <p class="hint">The lowest score of an event. What is lower becomes a ghost; what was decided stays.</p>
    ${types.map((one) => html`<${Slider} key=${one.type} facts=${one} />`)}
    <${Save} />
  </div>`;
}

/** @param {{facts: ThresholdFacts}} props */
function Slider({ facts }) {
  const { model, loader } = useReview();
  const { type } = facts;
  const value = model.preview.value[type] ?? facts.threshold ?? 0.5;
  const events = model.events.value.filter((event) => event.type === type && event.state !== "rejected" && !event.is_ghost).length;
  /** @param {any} event */
  const preview = (event) => { model.preview.value = { ...model.preview.peek(), [type]: Number(event.currentTarget.value) }; };
  const origin = facts.video !== null ? "saved for this video" : facts.model !== null ? "saved for the model" : "the model's own";
  const id = `threshold-${type}`;
  return html`<div class="slider" style=${{ "--tone": model.colours.value[type] }}>
    <label for=${id} title=${origin}><span class="swatch"></span>${type}</label>
    <input id=${id} type="range" min="0.01" max="0.99" step="0.01" value=${value} data-type=${type}
      onInput=${preview} onChange=${() => loader.readEvents().catch(tell)} />
    <output class="mono" for=${id}>${value.toFixed(2)}</output>
    <small class="mono" title="Events at this threshold">${events}</small>
  </div>`;
}

function Save() {
  const { model, loader } = useReview();
  const [asked, setAsked] = useState("video");
  const facts = model.thresholdFacts.value;
  const isChanged = Object.keys(model.preview.value).length > 0;
  const discard = () => {
    model.preview.value = {};
    loader.readEvents().catch(tell);
  };
  const save = async () => {
    const isVideo = asked === "video";
    /** @type {[string, number | null][]} */
    const kept = facts.types.map((/** @type {ThresholdFacts} */ one) => [one.type, isVideo ? one.video : one.model]);
    const thresholds = { ...Object.fromEntries(kept), ...model.preview.peek() };
    const path = isVideo ? `${model.path}/thresholds` : `/models/${encodeURIComponent(facts.model)}/thresholds`;
    const ifMatch = isVideo ? facts.etag : await tagOfSeen(path, facts.types);
    await call(path, { method: "PUT", json: { thresholds }, ifMatch });
    if (!isVideo) await letGoOfOwn(Object.keys(model.preview.peek()));
    await settle();
    announce(isVideo ? "Saved for this video." : `Saved for ${facts.model}.`);
  };
  /** The video's own thresholds go before the model's: those that were saved for the model go. @param {string[]} types */
  const letGoOfOwn = async (types) => {
    /** @type {ThresholdFacts[]} */
    const own = facts.types.filter((/** @type {ThresholdFacts} */ one) => one.video !== null);
    if (!own.some((one) => types.includes(one.type))) return;
    const kept = own.filter((one) => !types.includes(one.type)).map((one) => [one.type, one.video]);
    await call(`${model.path}/thresholds`, { method: "PUT", json: { thresholds: Object.fromEntries(kept) } });
  };
  const settle = async () => {
    await loader.readThresholds();
    model.preview.value = {};
    await loader.readEvents();
  };
  const reset = () => orReadAgain(async () => {
    await call(`${model.path}/thresholds`, { method: "PUT", json: { thresholds: {} }, ifMatch: facts.etag });
    await settle();
  });
  /** What others saved meanwhile is shown before it is replaced. @param {() => Promise<void>} act */
  const orReadAgain = async (act) => {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Problem) || error.slug !== "thresholds-changed") throw error;
      await loader.readThresholds();
      await loader.readEvents();
      throw new Error("Somebody else saved thresholds meanwhile: they are shown now. Save again to replace them.");
    }
  };
  const isSaved = facts.types.some((/** @type {ThresholdFacts} */ one) => one.video !== null);
  return html`<div class="row wrap save">
    <label>For <select class="small" value=${asked} onChange=${(/** @type {any} */ event) => setAsked(event.currentTarget.value)}>
      <option value="video">this video</option>
      ${facts.model && html`<option value="model">model ${facts.model}</option>`}</select></label>
    ${isChanged && html`<${Action} class="main small" data-is="save-thresholds" act=${() => orReadAgain(save)}>Save<//>
      <button type="button" class="small" onClick=${discard}>Discard</button>`}
    ${isSaved && html`<${Action} class="small quiet" act=${reset}>Forget this video's<//>`}
  </div>`;
}

/**
 * The ETag of the model's thresholds, if they still are as the page shows them.
 *
 * @param {string} path
 * @param {ThresholdFacts[]} seen
 * @returns {Promise<string>}
 */
async function tagOfSeen(path, seen) {
  const { body, etag } = await request(path);
  /** @type {ThresholdFacts[]} */
  const types = body.types;
  const isSeen = types.every((one) => one.model === (seen.find(({ type }) => type === one.type)?.model ?? null));
  return isSeen && etag ? etag : NOT_SEEN;
}
