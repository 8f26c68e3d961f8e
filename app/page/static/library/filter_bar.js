// Search and filters of the library.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../core/html.js";
import { counted } from "../core/format.js";
import { filterBy, filters, hasMore, isFiltered, isLoaded, NO_FILTERS, videos } from "./store.js";

const REST_MS = 250;

export function FilterBar() {
  const [isOpen, setOpen] = useState(false);
  const { set, waiting, drop } = useLater(filterBy);
  const { q, competition, team, from_date, to_date } = { ...filters.value, ...waiting };
  const chosen = [competition, team, from_date, to_date].filter(Boolean).length;
  return html`
    <div class="toolbar">
      <h1>Library</h1>
      <span id="count" class="hint" role="status">${isLoaded.value ? countWords() : ""}</span>
      <span class="spring"></span>
      <label class="search"><span class="unseen">Search</span>
        <input id="search" type="search" placeholder="Search title, team, competition" value=${q}
          onInput=${(/** @type {any} */ event) => set({ q: event.target.value })} />
      </label>
      <button id="filters-button" type="button" aria-expanded=${isOpen} aria-controls="filters" onClick=${() => setOpen(!isOpen)}>
        Filters${chosen > 0 && html` <span class="badge">${chosen}</span>`}
      </button>
    </div>
    <div id="filters" class="card filter-fields" hidden=${!isOpen}>
      <${Choice} label="Competition" name="competition" value=${competition} known=${known((video) => [video.competition])} onChange=${set} />
      <${Choice} label="Team" name="team" value=${team} known=${known((video) => (video.teams ?? []).map(({ name }) => name))} onChange=${set} />
      <label>From <input name="from_date" type="date" value=${from_date} max=${to_date}
        onInput=${(/** @type {any} */ event) => set({ from_date: event.target.value })} /></label>
      <label>To <input name="to_date" type="date" value=${to_date} min=${from_date}
        onInput=${(/** @type {any} */ event) => set({ to_date: event.target.value })} /></label>
      <button type="button" class="quiet" onClick=${() => { drop(); filterBy(NO_FILTERS); }}>Clear</button>
    </div>`;
}

/**
 * @param {object} props
 * @param {string} props.label
 * @param {"competition" | "team"} props.name
 * @param {string} props.value
 * @param {string[]} props.known offered to choose from
 * @param {(change: Partial<import("./store.js").Filters>) => void} props.onChange
 */
function Choice({ label, name, value, known: names, onChange }) {
  return html`
    <label>${label}
      <input name=${name} list=${`known-${name}`} value=${value} autocomplete="off"
        onInput=${(/** @type {any} */ event) => onChange({ [name]: event.target.value })} />
      <datalist id=${`known-${name}`}>${names.map((one) => html`<option value=${one} key=${one}></option>`)}</datalist>
    </label>`;
}

function countWords() {
  const count = videos.value.length;
  if (hasMore.value) return `the newest ${count}`;
  if (isFiltered.value) return counted(count, "match").replace(/matchs$/, "matches");
  return count ? counted(count, "video") : "";
}

/** @param {(video: import("../video/types.js").Video) => (string | null | undefined)[]} read */
function known(read) {
  const names = videos.value.flatMap(read).filter((name) => typeof name === "string" && name !== "");
  return /** @type {string[]} */ ([...new Set(names)].sort());
}

/**
 * Collect changes, and pass them on when no more come for a moment. Until then they are what the fields hold, for the
 * list may be drawn anew meanwhile.
 *
 * @param {(change: Partial<import("./store.js").Filters>) => void} act
 */
function useLater(act) {
  const timer = useRef(0);
  const [waiting, setWaiting] = useState(/** @type {Partial<import("./store.js").Filters>} */ ({}));
  useEffect(() => () => clearTimeout(timer.current), []);
  const drop = () => {
    clearTimeout(timer.current);
    setWaiting({});
  };
  /** @param {Partial<import("./store.js").Filters>} change */
  const set = (change) => {
    clearTimeout(timer.current);
    const changes = { ...waiting, ...change };
    setWaiting(changes);
    timer.current = setTimeout(() => {
      act(changes);
      setWaiting({});
    }, REST_MS);
  };
  return { set, waiting, drop };
}
