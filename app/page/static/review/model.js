// All that the review view knows of one video, as signals; no calls, no elements.

import { computed, signal } from "@preact/signals";
import { EventTable, withThresholds } from "./events.js";
import { guessedFrames } from "./frames.js";
import { lanesOf } from "./lanes.js";
import { prefs } from "./prefs.js";

/**
 * @typedef {import("./types.js").ReviewEvent} ReviewEvent
 * @typedef {import("./types.js").Stretch} Stretch
 * @typedef {import("./types.js").EventType} EventType
 *
 * @typedef {object} Conflict Two people's word on one event.
 * @property {ReviewEvent} mine
 * @property {ReviewEvent} theirs
 * @property {any[]} changes what happened since, as the API tells it
 * @property {Record<string, unknown>} body what was to be changed
 * @property {number} [seen] the version that it was said of
 */

// Told apart on light and on dark, by people with any colour vision as well as eight can be.
const COLOURS = ["#0b84d8", "#e4572e", "#1d9a6c", "#a45fd6", "#c78a00", "#d6408f",
  "#0f9aa8", "#8a6d5a", "#6b7fd7", "#7d9a1e", "#c2473f", "#7a7f87"];

export class ReviewModel {
  /** @param {string} videoId */
  constructor(videoId) {
    this.videoId = videoId;
    this.path = `/videos/${videoId}`;

    /** @type {import("@preact/signals").Signal<any>} */
    this.video = signal(null);
    this.frames = signal(guessedFrames({}));
    this.table = signal(new EventTable());
    this.isLoading = signal(true);
    this.isGone = signal(false);
    this.isLive = signal(false);
    /** @type {import("@preact/signals").Signal<import("../live/types.js").FollowedStream | null>} null: it is, and was, no live stream */
    this.stream = signal(null);
    /** @type {number | null} of the video, as far as the stream told */
    this.revision = null;

    /** @type {import("@preact/signals").Signal<string[]>} */
    this.modelTypes = signal([]);
    /** @type {import("@preact/signals").Signal<EventType[]>} */
    this.ownTypes = signal([]);
    /** @type {import("@preact/signals").Signal<Record<string, number>>} those in force, by type */
    this.thresholds = signal({});
    /** @type {import("@preact/signals").Signal<any>} what the API tells of them; null: nothing */
    this.thresholdFacts = signal(null);
    /** @type {import("@preact/signals").Signal<Record<string, number>>} */
    this.preview = signal({});
    /** @type {import("@preact/signals").Signal<any>} */
    this.curves = signal(null);
    /** @type {import("@preact/signals").Signal<any>} what to check first; null: not known */
    this.plan = signal(null);
    /** @type {import("@preact/signals").Signal<Stretch[]>} */
    this.reviewed = signal([]);

    /** @type {import("@preact/signals").Signal<string | null>} */
    this.selectedId = signal(null);
    /** @type {Map<string, string>} the ids that events had until the service gave them one */
    this.localIds = new Map();
    /** How many decisions the service has answered, and after how many an event was told last. */
    this.settlements = 0;
    /** @type {Map<string, number>} */
    this.settledAt = new Map();
    /** @type {import("@preact/signals").Signal<ReadonlySet<string>>} ids of events to be cut */
    this.ticked = signal(new Set());
    /** @type {import("@preact/signals").Signal<number>} the frame that is shown or sought */
    this.frame = signal(0);
    this.isPlaying = signal(false);
    this.rate = signal(1);
    /** How fast it plays backwards; 0: it does not. */
    this.backwards = 0;
    this.isTagging = signal(false);
    /** @type {import("@preact/signals").Signal<ReadonlySet<string>>} */
    this.hidden = signal(new Set());
    /** @type {import("@preact/signals").Signal<Stretch | null>} null: the whole match */
    this.zoom = signal(null);

    this.unsent = signal(0);
    this.isOnline = signal(true);
    /** @type {import("@preact/signals").Signal<Conflict[]>} */
    this.conflicts = signal([]);
    /** @type {import("@preact/signals").Signal<"help" | "delete" | "facts" | null>} */
    this.dialog = signal(null);

    this.time = computed(() => this.frames.value.timeOf(this.frame.value));
    this.duration = computed(() => Math.max(this.video.value?.duration_s ?? 0, this.frames.value.end, this.stream.value?.edge_s ?? 0, 1));
    this.stretch = computed(() => this.zoom.value ?? { from: 0, to: this.duration.value });
    this.events = computed(() => withThresholds(this.table.value.all, this.preview.value));
    this.types = computed(() => this.typesShown());
    this.visible = computed(() => this.eventsShown());
    this.lanes = computed(() => lanesOf(this.visible.value,
      this.types.value.map((type) => type.name).filter((name) => !this.hidden.value.has(name))));
    this.selected = computed(() => this.table.value.get(this.selectedId.value));
    this.colours = computed(() => Object.fromEntries(this.types.value.map(({ name, colour }) => [name, colour])));
    this.halves = computed(() => this.video.value?.halves ?? null);
    this.usedTypes = computed(() => [...new Set(this.table.value.all.map((event) => event.type))].sort());
  }

  /**
   * The project's own types first, then the model's, then those that events have.
   *
   * @returns {EventType[]}
   */
  typesShown() {
    const own = this.ownTypes.value;
    const names = [...new Set([...own.map((type) => type.name), ...this.modelTypes.value, ...this.usedTypes.value])];
    const isModels = new Set([...this.modelTypes.value, ...this.usedTypes.value]);
    // With a model, types of other sports would only be in the way.
    const shown = isModels.size ? names.filter((name) => isModels.has(name) || own.some((type) => type.name === name && type.key)) : names;
    const taken = new Set(own.filter((type) => shown.includes(type.name)).map((type) => type.key));
    const free = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].filter((key) => !taken.has(key));
    return shown.map((name, index) => {
      const known = own.find((type) => type.name === name);
      const key = known ? known.key : free.shift() ?? null;
      return { name, key, colour: known?.colour || COLOURS[index % COLOURS.length] };
    });
  }

  /**
   * Tick an event for clips, or no longer.
   *
   * @param {string} id
   */
  tick(id) {
    const ticked = new Set(this.ticked.peek());
    if (!ticked.delete(id)) ticked.add(id);
    this.ticked.value = ticked;
  }

  /** The service gave an added event its id: whoever names it by the local one names it so now. @param {string} local @param {string} real */
  rename(local, real) {
    this.localIds.set(real, local);
    if (this.selectedId.peek() === local) this.selectedId.value = real;
    if (!this.ticked.peek().has(local)) return;
    this.tick(local);
    this.tick(real);
  }

  /** What stays the same of an event, as its id does not. @param {string} id */
  keyOf(id) { return this.localIds.get(id) ?? id; }

  /** The service has told how events are: an answer that it gave before is older. @param {readonly string[]} ids */
  settled(ids) {
    this.settlements += 1;
    for (const id of ids) this.settledAt.set(id, this.settlements);
  }

  /** Events that were told after so many decisions were answered. @param {number} count @returns {string[]} */
  settledSince(count) { return [...this.settledAt].filter(([, at]) => at > count).map(([id]) => id); }

  /** @returns {readonly ReviewEvent[]} */
  eventsShown() {
    const { ghosts, rejected } = prefs();
    const hidden = this.hidden.value;
    return this.events.value.filter((event) => !hidden.has(event.type)
      && (rejected || event.state !== "rejected") && (ghosts || !event.is_ghost));
  }

  /** Undecided suggestions, without ghosts: what a reviewed stretch must not have. */
  get undecided() {
    return this.events.peek().filter((event) => event.state === "suggested" && !event.is_ghost);
  }

  get decided() { return this.events.peek().filter((event) => event.state !== "suggested"); }

  /** @param {string} id @param {Partial<ReviewEvent>} changes @returns {ReviewEvent | null} as it was */
  patch(id, changes) {
    const before = this.table.peek().get(id);
    if (!before) return null;
    this.table.value = this.table.peek().with([{ ...before, ...changes }]);
    return before;
  }
}
