// The dialog that compares models on reviewed stretches.

import { useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { Problem } from "../core/problem.js";
import { goTo } from "../core/router.js";
import { Dialog } from "../ui/dialog.js";
import { Ticks } from "./start_fields.js";
import { choice, refresh, trainings, usableModels } from "./store.js";

const LEAST = 2, MOST = 4;

/** @param {{onClose: () => void, first?: string}} props first: a model to begin with */
export function CompareDialog({ onClose, first }) {
  const [chosen, setChosen] = useState(() => {
    const usable = usableModels.peek().map(({ name }) => name);
    return new Set(usable.filter((name) => name === first || name === choice.peek()?.name));
  });
  const [ground, setGround] = useState("reviewed");
  const [videos, setVideos] = useState(/** @type {Set<string>} */ (new Set()));
  const [problem, setProblem] = useState("");
  const isSending = useRef(false);
  const [post] = useState(() => new IdempotentPost());
  const made = (trainings.value ?? []).filter(({ model }) => model);
  /** @param {Event} event */
  const send = async (event) => {
    event.preventDefault();
    if (chosen.size < LEAST || chosen.size > MOST) return setProblem(`Choose ${LEAST} to ${MOST} models.`);
    if (ground === "videos" && videos.size === 0) return setProblem("Choose a match.");
    if (isSending.current) return undefined;
    isSending.current = true;
    const on = ground === "videos" ? { videos: [...videos] } : ground === "reviewed" ? {} : { training_id: ground };
    try {
      setProblem("");
      const asked = await post.send("/comparisons", { models: inOrder(chosen), ...on });
      onClose();
      refresh();
      return goTo(`/teach/comparisons/${asked.id}`);
    } catch (error) {
      return setProblem(error instanceof Problem ? error.message : String(error));
    } finally {
      isSending.current = false;
    }
  };
  /** @param {string} name @param {boolean} isOn */
  const tick = (name, isOn) => {
    const changed = new Set(chosen);
    if (isOn) changed.add(name);
    else changed.delete(name);
    setChosen(changed);
  };
  return html`<${Dialog} title="Compare models" onClose=${onClose} id="compare-dialog" className="wide">
    <form onSubmit=${send} noValidate>
      ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
      <fieldset><legend>Models</legend><div class="ticks">${usableModels.value.map(({ name }) => html`
        <label key=${name}><input type="checkbox" checked=${chosen.has(name)} onChange=${(/** @type {any} */ event) => tick(name, event.target.checked)} /> ${name}</label>`)}</div></fieldset>
      <label>On <select name="ground" value=${ground} onChange=${(/** @type {any} */ event) => setGround(event.target.value)}>
        <option value="reviewed">all that is reviewed</option><option value="videos">these matches</option>
        ${made.map(({ id, model }) => html`<option key=${id} value=${id}>what the training of ${model} held out</option>`)}</select></label>
      ${ground === "videos" && html`<${Ticks} label="Matches" chosen=${videos} onChange=${setVideos} />`}
      ${ground !== "videos" && ground !== "reviewed" ? null : html`<p class="hint">A model looks better than it is on what it has learned from: what a training held out is fairer.</p>`}
      <div class="row end"><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="main">Compare</button></div>
    </form>
  <//>`;
}

/** The first is compared with the others, so the default, which is to be beaten, comes last. @param {Set<string>} chosen */
function inOrder(chosen) {
  const usual = choice.peek()?.name;
  return [...chosen].sort((one, other) => Number(one === usual) - Number(other === usual));
}
