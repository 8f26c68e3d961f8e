// The types of events that people of the project tag: names, keys, colours, order.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { request } from "../core/api.js";
import { html } from "../core/html.js";
import { announce, keyVersion, tell } from "../core/notices.js";
import { loadModels, models } from "../video/models.js";
import { added, changed, KEYS, moved, problemOf } from "./types_list.js";

/** @typedef {import("./types_list.js").EventType} EventType */

export function TypesView() {
  const [types, setTypes] = useState(/** @type {EventType[] | null} */ (null));
  const [saved, setSaved] = useState("");
  const [problem, setProblem] = useState("");
  const etag = useRef(/** @type {string | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const isAdding = useRef(false);
  /** @param {{body: any, etag: string | null}} answer */
  const take = (answer) => {
    etag.current = answer.etag;
    setTypes(answer.body.items);
    setSaved(JSON.stringify(answer.body.items));
    setProblem("");
  };
  const load = () => request("/types").then(take, tell);
  useEffect(() => {
    load();
    loadModels().catch(tell);
  }, [keyVersion.value]);
  useLayoutEffect(() => {
    const names = list.current?.querySelectorAll("input[maxlength]") ?? [];
    if (isAdding.current) /** @type {HTMLElement | undefined} */ (names[names.length - 1])?.focus();
    isAdding.current = false;
  }, [types?.length]);
  if (!types) return html`<h1>Event types</h1><p class="hint">Loading…</p>`;
  const isChanged = JSON.stringify(types) !== saved;
  /** @param {Event} event */
  const save = async (event) => {
    event.preventDefault();
    const found = problemOf(types);
    if (found) return setProblem(found);
    try {
      const items = types.map((type) => ({ ...type, name: type.name.trim() }));
      take(await request("/types", { method: "PUT", json: { items }, ifMatch: etag.current ?? undefined }));
      return announce("Saved.");
    } catch (error) {
      return setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const add = () => {
    isAdding.current = true;
    setTypes(added(types));
  };
  const missing = [...new Set(models.value.flatMap(({ labels }) => labels))]
    .filter((label) => !types.some(({ name }) => name.toLowerCase() === label.toLowerCase()));
  return html`
    <form class="page-narrow" onSubmit=${save}>
      <div>
        <h1>Event types</h1>
        <p class="hint">What you tag in a video, with a key each. The types that models find are there without being listed;
          list one to give it a key and a colour. Events of a type that you remove stay.</p>
      </div>
      ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
      <ol class="types-list card" role="list" ref=${list}>
        ${types.map((type, index) => html`<${TypeRow} key=${index} type=${type} index=${index} count=${types.length}
          onChange=${(/** @type {Partial<EventType>} */ change) => setTypes(changed(types, index, change))}
          onMove=${(/** @type {number} */ step) => setTypes(moved(types, index, step))}
          onRemove=${() => setTypes(types.filter((_, place) => place !== index))} />`)}
        ${types.length === 0 && html`<li class="hint">No types yet.</li>`}
      </ol>
      <div class="row wrap">
        <button id="add-type" type="button" onClick=${add}>Add a type</button>
        ${missing.length > 0 && html`
          <button id="add-model-types" type="button" onClick=${() => setTypes(missing.reduce((all, name) => added(all, name), types))}>
            Add those of the models (${missing.length})</button>`}
        <span class="spring"></span>
        ${isChanged && html`<button type="button" class="quiet" onClick=${load}>Discard changes</button>`}
        <button id="save-types" type="submit" class="main" disabled=${!isChanged}>Save</button>
      </div>
    </form>`;
}

/**
 * @param {object} props
 * @param {EventType} props.type
 * @param {number} props.index
 * @param {number} props.count
 * @param {(change: Partial<EventType>) => void} props.onChange
 * @param {(step: number) => void} props.onMove
 * @param {() => void} props.onRemove
 */
function TypeRow({ type, index, count, onChange, onMove, onRemove }) {
  const name = type.name || `type ${index + 1}`;
  return html`
    <li class="type-row">
      <input type="color" aria-label=${`Colour of ${name}`} value=${type.colour ?? "#888888"}
        onInput=${(/** @type {any} */ event) => onChange({ colour: event.target.value })} />
      <input aria-label=${`Name of type ${index + 1}`} maxlength="100" autocomplete="off" value=${type.name}
        onInput=${(/** @type {any} */ event) => onChange({ name: event.target.value })} />
      <select aria-label=${`Key of ${name}`} value=${type.key ?? ""}
        onChange=${(/** @type {any} */ event) => onChange({ key: event.target.value || null })}>
        <option value="">no key</option>
        ${KEYS.map((one) => html`<option value=${one} key=${one}>key ${one}</option>`)}
      </select>
      <button type="button" class="quiet small" aria-label=${`Move ${name} up`} disabled=${index === 0} onClick=${() => onMove(-1)}>↑</button>
      <button type="button" class="quiet small" aria-label=${`Move ${name} down`} disabled=${index === count - 1} onClick=${() => onMove(1)}>↓</button>
      <button type="button" class="quiet small danger" aria-label=${`Remove ${name}`} onClick=${onRemove}>×</button>
    </li>`;
}
