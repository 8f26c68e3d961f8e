// Search over all matches: what is looked for, the hits, and a player that goes through them.

import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { attempt, keyVersion, tell } from "../core/notices.js";
import { keys } from "../review/prefs.js";
import { Filters } from "./filters.js";
import { HandOn } from "./hand_on.js";
import { HitPlayer } from "./player.js";
import { toParams } from "./query.js";
import { Reel } from "./reel.js";
import { Results } from "./results.js";
import { SavedSearches } from "./saved_list.js";
import { hits, loadSaved, loadTypes, margins, more, query, search } from "./store.js";

export function SearchView() {
  const [reel] = useState(() => new Reel({ hits: () => hits.value, margins: () => margins.peek(), more }));
  const asked = toParams(query.value).toString();
  useEffect(() => {
    reel.reset();
    search().catch(tell);
  }, [asked, keyVersion.value]);
  useEffect(() => {
    loadSaved().catch(tell);
    loadTypes().catch(() => {}); // They are offered, no more.
  }, [keyVersion.value]);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const onKey = (event) => takeKey(reel, event);
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return html`
    <div class="search-view">
      <div class="search-form"><${Filters} /></div>
      <aside class="search-side">
        <${HitPlayer} reel=${reel} />
        <${HandOn} />
        <${SavedSearches} />
      </aside>
      <section class="search-hits" aria-label="Results"><${Results} reel=${reel} /></section>
    </div>`;
}

/**
 * @param {Reel} reel
 * @param {KeyboardEvent} event
 */
function takeKey(reel, event) {
  const target = /** @type {Element} */ (event.target);
  if (!keys.map.isOn || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || target.matches("input, select, textarea")) return;
  const key = event.key.toLowerCase();
  const presses = target.matches("button, a") && !target.matches(".hit[aria-current]");
  if (key === " " && presses) return;
  const act = { n: () => reel.go(1), p: () => reel.go(-1), " ": async () => reel.toggle() }[key];
  if (!act) return;
  event.preventDefault();
  if (!event.repeat) attempt(act);
}
