// The events of a timeline as a list of buttons: drawn in batches, filtered in place.
//
// Thousands of rows are in the document, so that the browser's own search, scrolling and
// focus work; the style sheet lets it lay out only those in view. One row at a time is in
// the tab order; the arrows go to the others.

import { clock, toneOf } from "./timeline.js";

const BATCH = 250, STEP = 10;
const NEAR_S = 0.3;

export class EventList {
  constructor(place, { onSeek }) {
    Object.assign(this, { place, onSeek });
    this.template = document.getElementById("event-row").content.firstElementChild;
    this.clear([]);
    place.addEventListener("click", (click) => {
      const row = click.target.closest("li");
      if (row) this.choose(row);
    });
    place.addEventListener("keydown", (press) => this.move(press));
    place.addEventListener("focusin", (focus) => this.makeTabbable(focus.target.closest("li")));
  }

  clear(labels) {
    this.labels = labels;
    this.all = [];
    this.rows = [];
    this.marked = [];
    this.tabbable = null;
    this.passes ??= () => true;
    this.place.replaceChildren();
  }

  // Append events that come after those that are there; the page may do other things
  // between two batches.
  async append(events, { signal }) {
    for (let start = 0; start < events.length; start += BATCH) {
      const batch = events.slice(start, start + BATCH);
      const rows = batch.map((event) => this.makeRow(event));
      this.all.push(...batch);
      this.rows.push(...rows);
      this.place.append(...rows);
      if (!this.tabbable) this.makeTabbable(this.firstVisible());
      await new Promise((resolve) => { setTimeout(resolve); });
      if (signal.aborted) return;
    }
  }

  makeRow(event) {
    const row = this.template.cloneNode(true);
    const [time, type, score, frame] = row.firstElementChild.children;
    row.dataset.key = event.id;
    row.hidden = !this.passes(event);
    time.textContent = clock(event.time_s, 2);
    type.textContent = event.type;
    type.style.setProperty("--tone", toneOf(this.labels, event.type));
    if (event.team) {
      const team = document.createElement("span");
      team.className = "team";
      team.textContent = event.team;
      type.append(" ", team);
    }
    score.textContent = event.score.toFixed(2);
    score.style.setProperty("--score", event.score);
    frame.textContent = event.frame;
    return row;
  }

  // Show what passes; give it, earliest first.
  filter(passes) {
    this.passes = passes;
    const shown = [];
    this.all.forEach((event, index) => {
      const isShown = passes(event);
      if (isShown) shown.push(event);
      if (this.rows[index].hidden === isShown) this.rows[index].hidden = !isShown;
    });
    if (!this.tabbable || this.tabbable.hidden) this.makeTabbable(this.firstVisible());
    return shown;
  }

  choose(row) {
    const event = this.all[this.rows.indexOf(row)];
    if (event) this.onSeek(event);
  }

  // Mark the events at a time of the video.
  mark(time) {
    const first = firstAfter(this.all, time - NEAR_S), last = firstAfter(this.all, time + NEAR_S);
    const near = this.rows.slice(first, last);
    for (const row of this.marked) if (!near.includes(row)) row.classList.remove("now");
    for (const row of near) row.classList.add("now");
    this.marked = near;
  }

  move(press) {
    const row = press.target.closest("li");
    const target = {
      ArrowDown: () => visible(row, "nextElementSibling", 1),
      ArrowUp: () => visible(row, "previousElementSibling", 1),
      PageDown: () => visible(row, "nextElementSibling", STEP),
      PageUp: () => visible(row, "previousElementSibling", STEP),
      Home: () => this.firstVisible(),
      End: () => this.rows.findLast((one) => !one.hidden),
    }[press.key]?.();
    if (!target) return;
    press.preventDefault();
    target.firstElementChild.focus();
  }

  firstVisible() {
    return this.rows.find((row) => !row.hidden);
  }

  makeTabbable(row) {
    if (this.tabbable) this.tabbable.firstElementChild.tabIndex = -1;
    this.tabbable = row ?? null;
    if (row) row.firstElementChild.tabIndex = 0;
  }
}

// The moment to show an event's frame: its middle, for a time that was rounded may lie in
// the frame before. Where the rate varies the frame's number tells no time.
export function momentOf(event, fps) {
  const isSteady = fps && Math.abs(event.frame / fps - event.time_s) < 0.1 / fps;
  return isSteady ? (event.frame + 0.5) / fps : event.time_s + 0.001;
}

export function countWords(shown, all, { isWhole }) {
  const noun = all === 1 ? "event" : "events";
  if (!isWhole) return `${all} ${noun}, loading…`;
  return shown === all ? `${all} ${noun}` : `${shown} of ${all} ${noun}`;
}

function visible(row, direction, steps) {
  let found = row;
  for (let next = row[direction]; next && steps > 0; next = next[direction]) {
    if (next.hidden) continue;
    found = next;
    steps -= 1;
  }
  return found;
}

// Where the events after a time begin, in a list sorted by time.
function firstAfter(events, time) {
  let low = 0, high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].time_s > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
