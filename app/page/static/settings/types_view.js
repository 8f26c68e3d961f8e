// The types of events that people of the project tag: names, keys, colours, order.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { request } from "../core/api.js";
import { html } from "../core/html.js";
import { announce, keyVersion, tell } from "../core/notices.js";
import { useOnce } from "../ui/action.js";
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
  /** @type {{current: {index: number, step: number} | null}} the row that was moved, which keeps the focus */
  const moving = useRef(null);
  /** @param {{body: any, etag: string | null}} answer @param {EventType[]} [sent] what was typed since then stays */
  const take = (answer, sent) => {
    etag.current = answer.etag;
    setTypes((now) => (sent && now !== sent ? now : answer.body.items));
    setSaved(JSON.stringify(answer.body.items));
    setProblem("");
  };
  const load = () => request("/types").then((answer) => take(answer), tell);
  useEffect(() => {
    load();
    loadModels().catch(tell);
  }, [keyVersion.value]);
  useLayoutEffect(() => {
    const names = list.current?.querySelectorAll("input[maxlength]") ?? [];
    if (isAdding.current) /** @type {HTMLElement | undefined} */ (names[names.length - 1])?.focus();
    isAdding.current = false;
  }, [types?.length]);
  useLayoutEffect(() => {
    if (!moving.current) return;
    const { index, step } = moving.current;
    moving.current = null;
    const [up, down] = list.current?.children[index]?.querySelectorAll("button") ?? [];
    const [wanted, other] = step < 0 ? [up, down] : [down, up];
    (wanted?.disabled ? other : wanted)?.focus();
  }, [types]);
  const save = useOnce(async () => {
    if (!types) return undefined;
    const found = problemOf(types);
    if (found) return setProblem(found);
    try {
      const items = types.map((type) => ({ ...type, name: type.name.trim() }));
      take(await request("/types", { method: "PUT", json: { items }, ifMatch: etag.current ?? undefined }), types);
      return announce("Saved.");
    } catch (error) {
      return setProblem(error instanceof Error ? error.message : String(error));
    }
  });
  if (!types) return html`<h1>Event types</h1><p class="hint">Loading…</p>`;
  const isChanged = JSON.stringify(types) !== saved;
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
          onMove=${(/** @type {number} */ step) => {
            moving.current = { index: index + step, step };
            setTypes(moved(types, index, step));
          }}
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
