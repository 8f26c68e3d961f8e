// The events of one video in the browser's memory: by id, and in order of time.

/** @typedef {import("./types.js").ReviewEvent} ReviewEvent */

const FEW = 50; // are put in one by one: sorting 20,000 for one of them takes too long

/**
 * @param {ReviewEvent} a
 * @param {ReviewEvent} b
 */
function byTime(a, b) { return a.time_s - b.time_s || (a.id < b.id ? -1 : Number(a.id > b.id)); }

/**
 * Where an event belongs in a sorted list.
 *
 * @param {readonly ReviewEvent[]} sorted
 * @param {ReviewEvent} event
 */
function placeOf(sorted, event) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byTime(sorted[middle], event) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An immutable list; every change gives a new one. */
export class EventTable {
  /** @param {readonly ReviewEvent[]} [events] in any order */
  constructor(events = [], isSorted = false) {
    this.all = isSorted ? events : [...events].sort(byTime);
    /** @type {Map<string, ReviewEvent> | null} */
    this.index = null;
  }

  /** @param {string | null} id */
  get(id) {
    this.index ??= new Map(this.all.map((event) => [event.id, event]));
    return id === null ? undefined : this.index.get(id);
  }

  /**
   * Put events in, in the place of those with the same id.
   *
   * @param {readonly ReviewEvent[]} events
   * @param {readonly string[]} [gone] ids to take out
   */
  with(events, gone = []) {
    const out = new Set([...gone, ...events.map((event) => event.id)]);
    const kept = this.all.filter((event) => !out.has(event.id));
    if (events.length > FEW) return new EventTable([...kept, ...events]);
    for (const event of events) kept.splice(placeOf(kept, event), 0, event);
    return new EventTable(kept, true);
  }

  /**
   * Put in what the service has for a stretch, in the place of all that was there.
   *
   * @param {number} from
   * @param {number} to
   * @param {readonly ReviewEvent[]} events
   * @param {ReadonlySet<string>} keep ids whose own state is newer than the service's
   */
  withStretch(from, to, events, keep) {
    const fresh = events.filter((event) => !keep.has(event.id));
    const ids = new Set(fresh.map((event) => event.id));
    const kept = this.all.filter((event) => keep.has(event.id)
      || (!ids.has(event.id) && (event.time_s < from || event.time_s > to)));
    return new EventTable([...kept, ...fresh]);
  }
}

/**
 * The next event after (or before) a place in a list sorted by time.
 *
 * @param {readonly ReviewEvent[]} events
 * @param {{event?: ReviewEvent, time: number, step: 1 | -1}} from an event, in the list or not, or a time
 * @returns {ReviewEvent | undefined}
 */
export function neighbour(events, { event, time, step }) {
  if (event) {
    const at = placeOf(events, event);
    return events[step < 0 ? at - 1 : events[at]?.id === event.id ? at + 1 : at];
  }
  return step > 0 ? events[placeAt(events, time + 1e-6) + 1] : events[placeAt(events, time - 1e-6)];
}

/**
 * The index of the last event at or before a time; -1: none.
 *
 * @param {readonly ReviewEvent[]} events
 * @param {number} time
 */
export function placeAt(events, time) {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].time_s <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Show what other thresholds would: which suggestions become ghosts, and which ghosts
 * suggestions. A peak is never suppressed by a lower one, so this is what the service
 * computes, as long as no threshold lies below the ghosts' floor.
 *
 * @param {readonly ReviewEvent[]} events
 * @param {Readonly<Record<string, number>>} thresholds by type
 */
export function withThresholds(events, thresholds) {
  if (!Object.keys(thresholds).length) return events;
  return events.map((event) => {
    const threshold = thresholds[event.type];
    if (threshold === undefined || event.state !== "suggested" || event.score === null) return event;
    const isGhost = event.score < threshold;
    return isGhost === event.is_ghost ? event : { ...event, is_ghost: isGhost };
  });
}

/**
 * Which events are doubtful, the most doubtful first: the order for when the service
 * gives none. A suggestion's doubt is how near its score is to its threshold.
 *
 * @param {readonly ReviewEvent[]} events
 * @param {Readonly<Record<string, number>>} thresholds
 */
export function byDoubt(events, thresholds) {
  /** @param {ReviewEvent} event */
  const doubt = (event) => Math.abs((event.score ?? 1) - (thresholds[event.type] ?? 0.5));
  return events.filter((event) => event.state === "suggested").sort((a, b) => doubt(a) - doubt(b));
}

/** The side or team of an event, however it is kept. @param {ReviewEvent} event */
export function teamOf(event) {
  const own = event.attributes?.team;
  return typeof own === "string" ? own : event.team ?? null;
}

/**
 * What a side or team of an event is called in the match facts; else by itself.
 *
 * @param {string | null} team
 * @param {readonly import("./types.js").Team[] | null | undefined} teams of the match
 */
export function nameOfTeam(team, teams) {
  return teams?.find((one) => (one.side || one.name) === team)?.name ?? team ?? "";
}
