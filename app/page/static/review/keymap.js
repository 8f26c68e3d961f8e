// Which key does what: the defaults, a person's own choice, and what an event means.

export const STORED_AT = "touchline_keys";

/**
 * @typedef {object} Action
 * @property {string} id
 * @property {string} group
 * @property {string} title
 * @property {readonly string[]} keys the defaults
 *
 * @typedef {object} KeySettings What a person changed.
 * @property {boolean} isOn whether single keys do anything
 * @property {Record<string, string[]>} keys by action, where they are not the defaults
 */

/** @type {readonly Action[]} */
export const ACTIONS = [
  action("Playing", "play", "Play or pause", "Space", "K"),
  action("Playing", "shuttle-back", "Play backwards, faster each time", "J"),
  action("Playing", "shuttle-forward", "Play forwards, faster each time", "L"),
  action("Playing", "frame-back", "One frame back", ","),
  action("Playing", "frame-forward", "One frame forward", "."),
  action("Playing", "second-back", "One second back", "ArrowLeft"),
  action("Playing", "second-forward", "One second forward", "ArrowRight"),
  action("Playing", "start", "To the start", "Home"),
  action("Playing", "end", "To the end", "End"),
  action("Playing", "live-edge", "Go to the live edge, and stay there", "F"),
  action("Playing", "slower", "Slower", "<"),
  action("Playing", "faster", "Faster", ">"),
  action("Playing", "loop", "Loop the stretch around the event", "R"),
  action("Events", "next-event", "Next event", "N", "ArrowDown"),
  action("Events", "previous-event", "Previous event", "P", "ArrowUp"),
  action("Events", "next-uncertain", "Next event that is worth a check", "U"),
  action("Events", "accept", "Accept the event", "Enter"),
  action("Events", "reject", "Reject the event, or take away one that was added", "X", "Delete"),
  action("Events", "nudge-back", "Move the event one frame earlier", "["),
  action("Events", "nudge-forward", "Move the event one frame later", "]"),
  action("Events", "nudge-back-5", "Move the event five frames earlier", "Shift+["),
  action("Events", "nudge-forward-5", "Move the event five frames later", "Shift+]"),
  action("Events", "move-here", "Move the event to the playhead", "H"),
  action("Events", "team", "Next team", "T"),
  action("Events", "note", "Write a note or a player", "E"),
  action("Events", "tick", "Tick the event for clips, or no longer", "M"),
  action("Events", "undo", "Undo", "Ctrl+Z"),
  action("Events", "redo", "Redo", "Ctrl+Shift+Z", "Ctrl+Y"),
  ...Array.from({ length: 9 }, (_, index) =>
    action("Types", `type-${index + 1}`, `Set type ${index + 1}, or add it at the playhead`, `${index + 1}`)),
  action("Types", "tag", "Switch tagging on or off: keys of types always add", "A"),
  action("View", "ghosts", "Show or hide peaks below the threshold", "G"),
  action("View", "curves", "Show or hide the score curves", "C"),
  action("View", "reviewed", "Mark the visible stretch as reviewed, or no longer", "V"),
  action("View", "zoom-in", "Zoom in", "+"),
  action("View", "zoom-out", "Zoom out", "-"),
  action("View", "zoom-all", "Show the whole match", "0"),
  action("View", "help", "Keys", "?"),
];

/** Actions of keys that may be held: the others act once, or a key held too long decides on many events. */
const HELD = new Set([
  "frame-back", "frame-forward", "second-back", "second-forward", "slower", "faster", "next-event", "previous-event",
  "nudge-back", "nudge-forward", "nudge-back-5", "nudge-forward-5", "undo", "redo", "zoom-in", "zoom-out",
]);

/** Whether an action goes on while its key is held. @param {string} id */
export function isHeld(id) { return HELD.has(id); }

/**
 * @param {string} group
 * @param {string} id
 * @param {string} title
 * @param {...string} keys
 * @returns {Action}
 */
function action(group, id, title, ...keys) { return { id, group, title, keys }; }

/** @type {Record<string, string>} */
const BY_CODE = {
  BracketLeft: "[", BracketRight: "]", Comma: ",", Period: ".",
  ...Object.fromEntries(Array.from({ length: 10 }, (_, digit) => [`Digit${digit}`, `${digit}`])),
  ...Object.fromEntries(Array.from({ length: 10 }, (_, digit) => [`Numpad${digit}`, `${digit}`])),
};

/**
 * What a key press may be called, the likeliest name first.
 *
 * A symbol that needs Shift goes by its own name (`?`) and by that of its key (`Shift+[`).
 * Where a layout has no such key (`[` in German, digits in French) its place on the
 * keyboard counts.
 *
 * @param {Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">
 *   & {getModifierState?: (name: string) => boolean}} event
 * @returns {string[]}
 */
export function namesOf(event) {
  if (["Control", "Shift", "Alt", "Meta", "AltGraph", "Dead", "Process"].includes(event.key)) return [];
  const isAltGraph = event.getModifierState?.("AltGraph") ?? false;
  const isCtrl = (event.ctrlKey || event.metaKey) && !isAltGraph;
  const isAlt = event.altKey && !isAltGraph;
  const before = `${isCtrl ? "Ctrl+" : ""}${isAlt ? "Alt+" : ""}`;
  const shift = event.shiftKey ? "Shift+" : "";
  const key = event.key === " " ? "Space" : event.key;
  const names = [];
  const isLetter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  if (isLetter) names.push(`${before}${shift}${key.toUpperCase()}`);
  else if (key.length === 1) names.push(`${before}${key}`, `${before}${shift}${key}`);
  else names.push(`${before}${shift}${key}`);
  const place = BY_CODE[event.code];
  if (place) names.push(`${before}${shift}${place}`);
  return [...new Set(names)];
}

export class KeyMap {
  /** @param {KeySettings} [settings] */
  constructor(settings = { isOn: true, keys: {} }) {
    this.settings = settings;
    /** @type {Map<string, string>} */
    this.byKey = new Map();
    for (const { id } of ACTIONS) {
      for (const key of this.keysOf(id)) if (!this.byKey.has(key)) this.byKey.set(key, id);
    }
  }

  get isOn() { return this.settings.isOn; }

  /** @param {string} id */
  keysOf(id) {
    return this.settings.keys[id] ?? ACTIONS.find((one) => one.id === id)?.keys ?? [];
  }

  /**
   * The action of a key press; undefined: none, or keys are switched off. Keys with Ctrl
   * work all the same.
   *
   * @param {Parameters<typeof namesOf>[0]} event
   * @returns {string | undefined}
   */
  actionOf(event) {
    const name = namesOf(event).find((one) => this.byKey.has(one));
    if (name === undefined) return undefined;
    if (!this.isOn && !name.startsWith("Ctrl+")) return undefined;
    return this.byKey.get(name);
  }

  /**
   * Give an action keys of its own; whoever had them loses them.
   *
   * @param {string} id
   * @param {readonly string[]} keys
   */
  with(id, keys) {
    /** @type {Record<string, string[]>} */
    const changed = { ...this.settings.keys, [id]: [...keys] };
    for (const other of ACTIONS) {
      if (other.id === id) continue;
      const left = this.keysOf(other.id).filter((key) => !keys.includes(key));
      if (left.length < this.keysOf(other.id).length) changed[other.id] = left;
    }
    return new KeyMap({ ...this.settings, keys: changed });
  }

  /** @param {boolean} isOn */
  switched(isOn) { return new KeyMap({ ...this.settings, isOn }); }

  /** @param {string} id */
  isChanged(id) { return id in this.settings.keys; }
}

/**
 * Read a person's keys; anything that is not understood counts as unchanged.
 *
 * @param {Pick<Storage, "getItem">} storage
 */
export function loadKeys(storage) {
  try {
    const stored = JSON.parse(storage.getItem(STORED_AT) ?? "{}");
    /** @type {Record<string, string[]>} */
    const keys = {};
    for (const { id } of ACTIONS) {
      const own = stored?.keys?.[id];
      if (Array.isArray(own) && own.every((key) => typeof key === "string")) keys[id] = own;
    }
    return new KeyMap({ isOn: stored?.isOn !== false, keys });
  } catch {
    return new KeyMap();
  }
}

/**
 * @param {Pick<Storage, "setItem">} storage
 * @param {KeyMap} map
 */
export function saveKeys(storage, map) { storage.setItem(STORED_AT, JSON.stringify(map.settings)); }

/** How a key is written for people. @param {string} key */
export function keyText(key) {
  /** @type {Record<string, string>} */
  const words = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  const parts = key.length > 1 && key.includes("+") && key !== "+" ? key.split(/\+(?=.)/) : [key];
  return parts.map((part) => words[part] ?? part).join(" + ");
}
