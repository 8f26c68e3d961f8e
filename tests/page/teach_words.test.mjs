import assert from "node:assert/strict";
import { test } from "node:test";
import { differs, queryOf } from "../../app/page/static/teach/errors.js";
import { differenceWords, placeIn, rangeWords, scaleOf } from "../../app/page/static/teach/intervals.js";
import { agreementWords } from "../../app/page/static/teach/readiness_view.js";
import { COMPARISON_STAGES, countsOf, inFamilies, minutesOf, modelAddress, nameOf, progressOf, statusOf } from "../../app/page/static/teach/words.js";

const NONE = { value: null, low: null, high: null };

test("a training says what it does, how long it takes, and why it waits", () => {
  const running = { status: "running", stage: "features", progress: 0.42, eta_s: 600, queue_position: null };
  assert.equal(statusOf(running), "42 %");
  assert.equal(progressOf(running), "computing the features of each frame · about 10 min left");
  assert.equal(statusOf({ ...running, stage: "paused" }), "paused");
  assert.equal(progressOf({ ...running, stage: "paused" }), "paused: waits for analyses");
  assert.equal(progressOf({ ...running, stage: null, eta_s: null }), "starting");
  const queued = { ...running, status: "queued", stage: null };
  assert.equal(progressOf({ ...queued, queue_position: 3 }), "number 3 in the queue");
  assert.equal(progressOf({ ...queued, queue_position: 1 }), "waits for a worker");
  assert.equal(progressOf(queued), "waits for a worker");
  assert.equal(progressOf({ ...running, status: "failed" }), "");
});

test("a comparison says what it does in words of its own", () => {
  const one = { status: "running", stage: "spot", progress: 0.4, eta_s: null, queue_position: null };
  assert.equal(progressOf(one, COMPARISON_STAGES), "analysing what is held out");
  assert.equal(progressOf({ ...one, stage: "compare" }, COMPARISON_STAGES), "weighing the differences");
});

test("minutes and counts are short", () => {
  assert.deepEqual([0, 0.04, 4.25, 9.96, 37.4].map(minutesOf), ["0 min", "0 min", "4.3 min", "10 min", "37 min"]);
  assert.equal(countsOf({ SHOT: { events: 3, rejected: 0 }, PASS: { events: 12, rejected: 4 }, OUT: { events: 0, rejected: 2 } }), "12 PASS, 3 SHOT");
});

test("ranges are written with their ends, differences with their signs", () => {
  assert.equal(rangeWords({ value: 0.618, low: 0.48, high: 0.7 }), "0.62 (0.48 to 0.70)");
  assert.equal(differenceWords({ value: 0.1, low: -0.02, high: 0.001 }), "+0.10 (−0.02 to 0.00)");
  assert.equal(rangeWords(NONE), "–");
  assert.equal(rangeWords({ value: 1, low: null, high: null }), "1.00 (1.00 to 1.00)");
});

test("bars stay inside their scale, and that of differences is the same to both sides", () => {
  assert.equal(placeIn([-0.5, 0.5], 0), 50);
  assert.equal(placeIn([0, 1], 1.2), 100);
  assert.deepEqual(scaleOf([{ value: 0.1, low: -0.3, high: 0.2 }, NONE]), [-0.3, 0.3]);
  assert.deepEqual(scaleOf([NONE]), [-0.1, 0.1]);
});

test("models stand by name, the newest version first", () => {
  const names = ["hall@2", "arena-rny002", "hall@10", "hall@1", "gym@1"].map((name) => ({ name }));
  assert.deepEqual(inFamilies(names).map(({ name }) => name), ["arena-rny002", "gym@1", "hall@10", "hall@2", "hall@1"]);
  assert.equal(modelAddress("hall@2"), "#/teach/models/hall%402");
});

test("errors are asked for by type, kind and model, and differ where one model is right", () => {
  const query = queryOf({ type: "PASS", kind: "missed", model: "hall@1", differs: true }, "next", 200);
  assert.equal(query.toString(), "type=PASS&kind=missed&model=hall%401&cursor=next&limit=200");
  assert.equal(queryOf({ type: "", kind: "", model: "", differs: true }, null, 50).toString(), "limit=50");
  assert.equal(differs({ by: { a: { kind: "hit" }, b: { kind: "missed" } } }), true);
  assert.equal(differs({ by: { a: { kind: "quiet" }, b: { kind: "false_alarm" }, c: { kind: "quiet" } } }), true);
  assert.equal(differs({ by: { a: { kind: "missed" }, b: { kind: "wrong_type" } } }), false);
  assert.equal(differs({ by: { a: { kind: "missed" }, b: { kind: "unknown_type" } } }), false);
});

test("a file that was saved twice offers the name of its model", () => {
  assert.deepEqual(["hall@2.touchline", "hall@2 (1).touchline", "hall"].map(nameOf), ["hall@2", "hall@2", "hall"]);
});

test("agreement is told in words", () => {
  assert.match(agreementWords({ decided_twice: 20, kept_verdict: 18, kept_type: 17, within_s: 15 }), /20 events and agree on 90 %/);
});
