import assert from "node:assert/strict";
import { test } from "node:test";
import { DROP, firstWishes, readinessQuery, requestOf, typesOf, withBase } from "../../app/page/static/teach/start.js";

const BASE = { name: "arena-rny002", is_default: true, labels: ["PASS", "DRIVE", "SHOT"] };
const COUNTS = { counts: { SHOT: { events: 3, rejected: 1 }, SERVE: { events: 20, rejected: 0 }, BLOCK: { events: 31, rejected: 0 } } };
const WISHES = { ...firstWishes({ models: [{ name: "hall@1" }, BASE], usual: "arena-rny002" }), name: " hall " };
const TYPES = typesOf(WISHES, BASE, COUNTS);

test("a training begins with the default model, or with none where none is installed", () => {
  assert.deepEqual([WISHES.base, WISHES.start], ["arena-rny002", "base"]);
  const none = firstWishes({ models: [], usual: null });
  assert.deepEqual([none.base, none.start], ["", "imagenet"]);
});

test("another base changes what can be begun with", () => {
  const none = withBase({ ...WISHES, start: "trunk" }, "");
  assert.deepEqual([none.base, none.start], ["", "imagenet"]);
  assert.equal(withBase({ ...none, start: "noise" }, "").start, "noise");
  assert.equal(withBase(none, "hall@1").start, "base");
  assert.equal(withBase({ ...WISHES, start: "trunk" }, "hall@1").start, "trunk");
});

test("types are those of the base and those in the data; without its head those in the data", () => {
  assert.deepEqual(TYPES.map(({ name, events, isOfBase }) => [name, events, isOfBase]), [
    ["PASS", 0, true], ["DRIVE", 0, true], ["SHOT", 3, true], ["BLOCK", 31, false], ["SERVE", 20, false],
  ]);
  assert.deepEqual(typesOf({ start: "trunk" }, BASE, COUNTS).map(({ name }) => name), ["BLOCK", "SERVE", "SHOT"]);
  assert.deepEqual(typesOf({ start: "noise" }, undefined, { counts: {} }), []);
});

test("what is left as it is, is left out of the request", () => {
  assert.deepEqual(requestOf(WISHES, TYPES), { json: { name: "hall", base: "arena-rny002", start: "base", minutes: 45 } });
});

test("types that are merged or left out are told, with those that remain", () => {
  const { json } = requestOf({ ...WISHES, fates: { DRIVE: "PASS", SHOT: DROP } }, TYPES);

  assert.deepEqual(json.types, ["PASS", "BLOCK", "SERVE"]);
  assert.deepEqual(json.mapping, { DRIVE: "PASS", SHOT: null });
});

test("a type that was to count as one of another base is learned", () => {
  const fates = { BLOCK: "TACKLE", SERVE: "PASS" };
  const { json } = requestOf({ ...WISHES, fates }, TYPES);

  assert.deepEqual(json.types, ["PASS", "DRIVE", "SHOT", "BLOCK"]);
  assert.deepEqual(json.mapping, { SERVE: "PASS" });
});

test("matches and hold-out are told where they are chosen", () => {
  const chosen = { ...WISHES, base: "", videos: new Set(["a", "b"]), holdout: "videos", heldOut: new Set(["b"]) };
  const { json } = requestOf(chosen, TYPES);
  assert.deepEqual([json.base, json.videos, json.holdout], [null, ["a", "b"], { videos: ["b"] }]);
  assert.deepEqual(requestOf({ ...WISHES, holdout: "share", share: "20" }, TYPES).json.holdout, { share: 0.2 });
});

test("what cannot be is said before it is asked for", () => {
  const cases = [
    [{ name: " " }, /Give the model a name/], [{ name: "hall@2" }, /next version/], [{ minutes: "0" }, /how many minutes/],
    [{ minutes: "soon" }, /how many minutes/], [{ videos: new Set() }, /Choose a match/],
    [{ fates: Object.fromEntries(TYPES.map(({ name }) => [name, DROP])) }, /one type at least/],
    [{ fates: { DRIVE: "PASS", PASS: DROP } }, /DRIVE is to count as PASS/],
    [{ holdout: "share", share: "60" }, /5 to 50/], [{ holdout: "share", share: "" }, /5 to 50/],
    [{ holdout: "videos" }, /Choose a match to hold out/],
    [{ videos: new Set(["a"]), holdout: "videos", heldOut: new Set(["a"]) }, /nothing is left/],
  ];
  for (const [change, words] of cases) assert.match(requestOf({ ...WISHES, ...change }, TYPES).problem ?? "", words);
});

test("what would be held out is asked for as the training would be", () => {
  const first = firstWishes({ models: [], usual: null });
  assert.equal(readinessQuery(first), "base=none");
  assert.equal(readinessQuery({ ...first, base: "hall@2", holdout: "share", share: "30" }), "base=hall%402&holdout_share=0.3");
  assert.equal(readinessQuery({ ...first, holdout: "share", share: "3" }), "base=none");
  const named = { ...first, videos: new Set(["b", "a"]), holdout: /** @type {const} */ ("videos"), heldOut: new Set(["b"]) };
  assert.equal(readinessQuery(named), "videos=a&videos=b&base=none&holdout_videos=b");
});
