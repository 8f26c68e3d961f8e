// What a person does with a model: choose it, go back, archive, export, import.

import { useState } from "preact/hooks";
import { accessHeaders } from "../core/access.js";
import { addressOf } from "../core/address.js";
import { call } from "../core/api.js";
import { html } from "../core/html.js";
import { announce, attempt, tell } from "../core/notices.js";
import { Problem, problemOf } from "../core/problem.js";
import { Confirm } from "../ui/dialog.js";
import { canSwap } from "./scopes.js";
import { choice, choiceTag, loadModels } from "./store.js";

/** @typedef {import("./types.js").Model} Model */

/** @param {string} name */
export async function choose(name) {
  await seenFirst(() => call("/models/default", { method: "PUT", json: { name }, ifMatch: choiceTag.peek() ?? undefined }));
  announce(`${name} is the default now: the next analyses use it.`);
  await loadModels();
}

export async function rollBack() {
  const { name } = await seenFirst(() => call("/models/default/rollback", { method: "POST", ifMatch: choiceTag.peek() ?? undefined }));
  announce(`${name} is the default again.`);
  await loadModels();
}

/**
 * Show what somebody else has chosen meanwhile, when that is why a choice is refused.
 *
 * @template T
 * @param {() => Promise<T>} choosing
 */
async function seenFirst(choosing) {
  try {
    return await choosing();
  } catch (error) {
    if (error instanceof Problem && error.status === 412) await loadModels().catch(tell);
    throw error;
  }
}

/** @param {Model} model */
export async function archive({ name, is_archived: isArchived }) {
  await call(`/models/${encodeURIComponent(name)}/${isArchived ? "restore" : "archive"}`, { method: "POST" });
  announce(isArchived ? `${name} can be used again.` : `${name} is archived: it stays, and is offered no more.`);
  await loadModels();
}

/** The address of a model's file. @param {string} name */
export function fileOf(name) {
  return addressOf(`/models/${encodeURIComponent(name)}/file`);
}

/**
 * Send a model file; it may take longer than other calls.
 *
 * @param {File} file
 * @param {string} name that it is to have
 * @returns {Promise<Model>}
 * @throws {Problem}
 */
export async function importFile(file, name) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(addressOf(`/models?${new URLSearchParams({ name })}`), {
      method: "POST", body: file, headers: { ...accessHeaders(), "content-type": "application/octet-stream" },
    });
  } catch {
    throw new Problem(0, { detail: "The server cannot be reached, or refuses so large a file." });
  }
  if (!answer.ok) throw await problemOf(answer);
  const made = await answer.json();
  loadModels().catch(tell); // It is here, whether or not the list can be read just now.
  return made;
}

/**
 * Make a model the default, after a question.
 *
 * @param {{model: Model, isMain?: boolean}} props
 */
export function SwapButton({ model, isMain = false }) {
  const [isAsked, setAsked] = useState(false);
  if (!canSwap.value || choice.value?.is_fixed || model.is_default || model.problem || model.is_archived) return null;
  const confirm = () => {
    setAsked(false);
    attempt(() => choose(model.name));
  };
  const before = choice.value?.name;
  return html`<button type="button" class=${`small no-print ${isMain ? "main" : ""}`} onClick=${() => setAsked(true)}><span>Make <span class="unseen">${model.name} the </span>default</span></button>
    ${isAsked && html`<${Confirm} title=${`Use ${model.name} from now on?`} action="Make default" onConfirm=${confirm} onClose=${() => setAsked(false)} isSafe
      words=${`New analyses use it${before ? ` in place of ${before}` : ""}. Timelines that are there stay as they are, and so do decisions. You can roll back at any time.`} />`}`;
}

/** Go back to the model that was used before; nothing to go back to: no button. */
export function RollBackButton() {
  const [isAsked, setAsked] = useState(false);
  const before = choice.value?.rollback_to;
  if (!canSwap.value || choice.value?.is_fixed || !before) return null;
  const confirm = () => {
    setAsked(false);
    attempt(rollBack);
  };
  return html`<button type="button" class="small no-print" id="roll-back" onClick=${() => setAsked(true)}>Roll back to ${before}</button>
    ${isAsked && html`<${Confirm} title=${`Go back to ${before}?`} action="Roll back" onConfirm=${confirm} onClose=${() => setAsked(false)} isSafe
      words=${`New analyses use ${before} again. Timelines and decisions stay as they are.`} />`}`;
}
