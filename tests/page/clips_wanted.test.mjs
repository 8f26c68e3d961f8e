import assert from "node:assert/strict";
import { test } from "node:test";

import { areOfSeveral, countHits, countsOf, requestOf } from "../../app/page/static/clips/wanted.js";
import { Taken } from "../../app/page/static/search/taken.js";

const EVENTS = [
  { video_id: "a", id: "1", type: "PASS", time_s: 1 },
  { video_id: "a", id: "2", type: "SHOT", time_s: 2 },
  { video_id: "b", id: "3", type: "SHOT", time_s: 3 },
];
const WISHES = {
  types: new Set(["PASS", "SHOT"]), lead: "5", lag: "2,5", merge: true, order: "time", form: "reel", mode: "smart",
  type: true, clock: false, teams: false,
};

test("types are counted, the most first", () => {
  assert.deepEqual(countsOf(EVENTS), [["SHOT", 2], ["PASS", 1]]);
});

test("events of one video are asked of it, those of several by name", () => {
  const one = requestOf(EVENTS.slice(0, 2), WISHES);
  const several = requestOf(EVENTS, { ...WISHES, types: new Set(["SHOT"]), form: "playlist" });
  const cut = { lead_s: 5, lag_s: 2.5, merge: true, order: "time" };

  assert.deepEqual(one, {
    path: "/videos/a/clips",
    json: { ...cut, form: "reel", mode: "smart", captions: { type: true, clock: false, teams: false }, event_ids: ["1", "2"] },
  });
  assert.deepEqual(several, {
    path: "/clips",
    json: {
      ...cut, form: "playlist", mode: "exact",
      events: [{ video_id: "a", event_id: "2" }, { video_id: "b", event_id: "3" }],
    },
  });
});

test("a sequence is one cut, and its events go together, of one match too", () => {
  const taken = new Taken();
  const steps = (/** @type {string[]} */ ...ids) => ids.map((id) => ({ id, type: "PASS", time_s: 20 * Number(id) }));
  taken.add({ video: { id: "a" }, events: steps("1", "2") });
  taken.add({ video: { id: "a" }, events: steps("2", "3") });
  const asked = requestOf(taken.events, WISHES);

  assert.equal(countHits(taken.events), 2);
  assert.ok(!areOfSeveral(taken.events));
  assert.equal(asked.path, "/clips");
  assert.deepEqual(asked.json.events, [{ video_id: "a", event_ids: ["1", "2"] }, { video_id: "a", event_ids: ["2", "3"] }]);
  assert.equal(asked.json.mode, "smart");
});

test("a reel stops at as many matches and events as the service takes", () => {
  const one = (/** @type {number} */ video) => ({ video: { id: `${video}` }, events: [{ id: "1", type: "PASS", time_s: 1 }] });
  const matches = new Taken(), events = new Taken();

  assert.deepEqual(Array.from({ length: 101 }, (_, n) => matches.add(one(n))), [...Array(100).fill(true), false]);
  assert.equal(matches.add(one(7)), true);
  const pair = { video: { id: "a" }, events: [1, 2, 3].map((n) => ({ id: `${n}`, type: "PASS", time_s: n })) };
  assert.equal(Array.from({ length: 340 }, () => events.add(pair)).filter(Boolean).length, 333);
  assert.ok(!("problem" in requestOf(matches.events, WISHES)));
});

for (const [name, changes] of Object.entries({
  "no type": { types: new Set() }, "no length": { lead: "0", lag: "0" }, "no number": { lead: "five" },
  "an empty field": { lag: " " }, "too long": { lag: "601" }, "before the event": { lead: "-1" },
})) {
  test(`${name} is told in words`, () => {
    assert.ok("problem" in requestOf(EVENTS, { ...WISHES, ...changes }));
  });
}

test("more events than the service takes are told in words", () => {
  const many = Array.from({ length: 1001 }, (_, index) => ({ video_id: `${index % 2}`, id: `${index}`, type: "PASS", time_s: index }));
  assert.ok("problem" in requestOf(many, WISHES));
});
