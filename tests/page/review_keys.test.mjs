import assert from "node:assert/strict";
import { test } from "node:test";

import { ACTIONS, KeyMap, keyText, loadKeys, namesOf, saveKeys, STORED_AT } from "../../app/page/static/review/keymap.js";
import { Reaction } from "../../app/page/static/review/reaction.js";

const press = (key, more = {}) => ({
  key, code: "", ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more,
});

function storage() {
  const kept = new Map();
  return {
    getItem: (at) => kept.get(at) ?? null, setItem: (at, text) => kept.set(at, text),
    removeItem: (at) => kept.delete(at), kept,
  };
}

test("the defaults do what users of such tools know", () => {
  const keys = new KeyMap();
  const table = [
    [press(" "), "play"], [press("k"), "play"], [press("j"), "shuttle-back"], [press("l"), "shuttle-forward"],
    [press(","), "frame-back"], [press("."), "frame-forward"],
    [press("ArrowLeft"), "second-back"], [press("ArrowRight"), "second-forward"],
    [press("n"), "next-event"], [press("ArrowDown"), "next-event"],
    [press("p"), "previous-event"], [press("ArrowUp"), "previous-event"], [press("u"), "next-uncertain"],
    [press("Enter"), "accept"], [press("x"), "reject"], [press("["), "nudge-back"], [press("]"), "nudge-forward"],
    [press("{", { shiftKey: true, code: "BracketLeft" }), "nudge-back-5"],
    [press("}", { shiftKey: true, code: "BracketRight" }), "nudge-forward-5"],
    [press("1"), "type-1"], [press("9"), "type-9"], [press("t"), "team"],
    [press("z", { ctrlKey: true }), "undo"], [press("Z", { ctrlKey: true, shiftKey: true }), "redo"],
    [press("z", { metaKey: true }), "undo"],
    [press("Home"), "start"], [press("End"), "end"], [press("?", { shiftKey: true, code: "Slash" }), "help"],
    [press("<", { shiftKey: true, code: "Comma" }), "slower"],
  ];
  for (const [event, action] of table) assert.equal(keys.actionOf(event), action, JSON.stringify(event));
  assert.equal(keys.actionOf(press("z")), undefined);
  assert.equal(keys.actionOf(press("k", { ctrlKey: true })), undefined);
});

test("no key has two actions", () => {
  const all = ACTIONS.flatMap((one) => one.keys);

  assert.equal(new Set(all).size, all.length);
});

test("a layout without a key uses its place", () => {
  const keys = new KeyMap();

  assert.equal(keys.actionOf(press("ü", { code: "BracketLeft" })), "nudge-back");
  assert.equal(keys.actionOf(press("&", { code: "Digit1" })), "type-1");
  const german = press("[", { ctrlKey: true, altKey: true, code: "Digit8", getModifierState: () => true });
  assert.equal(keys.actionOf(german), "nudge-back");
});

test("a key that is given to an action is taken from the other, and kept", () => {
  const store = storage();
  saveKeys(store, new KeyMap().with("accept", ["A"]));

  const keys = loadKeys(store);

  assert.equal(keys.actionOf(press("a")), "accept");
  assert.equal(keys.actionOf(press("Enter")), undefined);
  assert.deepEqual(keys.keysOf("tag"), []);
  assert.equal(keys.actionOf(press("n")), "next-event");
});

test("single keys can be switched off; those with Ctrl stay", () => {
  const keys = new KeyMap().switched(false);

  assert.equal(keys.actionOf(press("x")), undefined);
  assert.equal(keys.actionOf(press(" ")), undefined);
  assert.equal(keys.actionOf(press("z", { ctrlKey: true })), "undo");
});

test("stored keys that make no sense are the defaults", () => {
  for (const text of ["{", "null", "[]", '{"keys":{"accept":7,"x":["Y"]}}', '{"keys":null}']) {
    const store = storage();
    store.setItem(STORED_AT, text);
    assert.equal(loadKeys(store).actionOf(press("Enter")), "accept", text);
  }
});

test("a modifier alone is no key, and keys are written for people", () => {
  assert.deepEqual(namesOf(press("Shift", { shiftKey: true })), []);
  assert.equal(keyText("Ctrl+Shift+Z"), "Ctrl + Shift + Z");
  assert.equal(keyText("+"), "+");
  assert.equal(keyText("ArrowLeft"), "←");
});

test("the reaction time is the median of what was nudged, by the clock on the wall", () => {
  let reaction = new Reaction();
  for (const late of [0.3, 0.32, 0.28]) reaction = reaction.learn({ playhead: 10, rate: 1, time: 10 - late });
  assert.equal(reaction.learnt, null);
  assert.equal(reaction.seconds, 0);

  reaction = reaction.learn({ playhead: 20, rate: 2, time: 19.4 }); // 0.3 s at twice the speed
  reaction = reaction.learn({ playhead: 20, rate: 1, time: 12 }); // no nudge: another event
  reaction = reaction.learn({ playhead: 20, rate: 1, time: 19.2 });

  assert.ok(Math.abs(reaction.learnt - 0.3) < 1e-9);
  assert.ok(Math.abs(reaction.back(50, 2) - 49.4) < 1e-9);
  assert.equal(reaction.setTo(0.1).back(50, 1), 49.9);
  assert.equal(new Reaction(JSON.parse(JSON.stringify(reaction))).learnt, reaction.learnt);
});
