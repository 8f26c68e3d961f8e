import assert from "node:assert/strict";
import { test } from "node:test";

import { byDoubt, EventTable, neighbour, placeAt, withThresholds } from "../../app/page/static/review/events.js";
import { densityOf, hit, KIND, lanesOf, placesOf } from "../../app/page/static/review/lanes.js";
import { covers, lengthOf, merged, reviewedParts, Seen, without } from "../../app/page/static/review/intervals.js";
import { fitted, following, ticksOf, timeAt, xOf, zoomed } from "../../app/page/static/review/scale.js";

const event = (id, time_s, more = {}) => ({
  id, time_s, type: "PASS", frame: Math.round(time_s * 25), score: 0.8, state: "suggested",
  source: "model", attributes: {}, is_ghost: false, version: 0, ...more,
});

test("a stretch stays inside the video whatever is done to it", () => {
  for (const wanted of [{ from: -5, to: 3 }, { from: 95, to: 120 }, { from: 50, to: 50 }, { from: -9, to: 900 }]) {
    const { from, to } = fitted(wanted, 100);
    assert.ok(from >= 0 && to <= 100 && to - from >= 1, JSON.stringify(wanted));
  }
});

test("zooming keeps the time under the pointer", () => {
  const before = { from: 20, to: 60 };
  const after = zoomed(before, 0.5, 30, 100);

  assert.equal(xOf(30, after, 800), xOf(30, before, 800));
  assert.equal(timeAt(xOf(33, after, 800), after, 800), 33);
});

test("the lanes follow the playhead only when it leaves", () => {
  const stretch = { from: 20, to: 30 };

  assert.equal(following(stretch, 25, 100), stretch);
  assert.deepEqual(following(stretch, 31, 100), { from: 29, to: 39 });
  const last = { from: 90, to: 100 };
  assert.equal(following(last, 99.9, 100), last);
});

test("lines of the axis are round numbers and not crowded", () => {
  const { times, places } = ticksOf({ from: 3.2, to: 63.2 }, 900);

  assert.deepEqual(times.slice(0, 3), [10, 20, 30]);
  assert.equal(places, 0);
});

test("marks are found by stretch and drawn once a pixel", () => {
  const events = Array.from({ length: 20_000 }, (_, index) => event(`e${index}`, index * 0.5));
  const [lane] = lanesOf(events, ["PASS"]);

  const whole = placesOf(lane, KIND.suggested, { from: 0, to: 10_000 }, 1000);
  assert.ok(whole.length <= 1017);
  assert.deepEqual(placesOf(lane, KIND.suggested, { from: 100, to: 102 }, 100), [0, 25, 50, 75, 100]);
  assert.equal(hit(lane, 26, { from: 100, to: 102 }, 100), "e201");
  assert.equal(hit(lane, 12, { from: 100, to: 102 }, 100), null);
});

test("what is decided is hit before a ghost beside it", () => {
  const lanes = lanesOf([event("ghost", 10, { is_ghost: true }), event("real", 10.05, { state: "accepted" })], ["PASS"]);

  assert.equal(hit(lanes[0], 100, { from: 9, to: 11 }, 200), "real");
});

test("an event that moves finds its new place, others keep theirs", () => {
  const table = new EventTable([event("b", 2), event("a", 1), event("c", 3)]);
  const moved = table.with([event("a", 2.5)]);

  assert.deepEqual(moved.all.map((one) => one.id), ["b", "a", "c"]);
  assert.equal(table.get("a").time_s, 1);
  assert.equal(neighbour(moved.all, { event: moved.get("b"), time: 0, step: 1 }).id, "a");
  assert.equal(neighbour(moved.all, { time: 2.2, step: -1 }).id, "b");
  assert.equal(neighbour(moved.all, { event: moved.get("c"), time: 0, step: 1 }), undefined);
  assert.equal(placeAt(moved.all, 2.6), 1);
  assert.equal(placeAt(moved.all, 0), -1);
});

test("from an event that is not shown any more one comes to the others of its frame, too", () => {
  const [gone, beside, before] = [event("b", 2), event("c", 2), event("a", 2)];
  const shown = new EventTable([event("x", 1), before, beside, event("y", 3)]).all;

  assert.equal(neighbour(shown, { event: gone, time: 2, step: 1 }), beside);
  assert.equal(neighbour(shown, { event: gone, time: 2, step: -1 }), before);
});

test("a stretch that is read again drops what the service has no more, but not unsent work", () => {
  const table = new EventTable([event("a", 1), event("b", 2), event("new-1", 2.1), event("c", 9)]);

  const after = table.withStretch(0, 5, [event("a", 1, { state: "accepted" })], new Set(["new-1"]));

  assert.deepEqual(after.all.map((one) => [one.id, one.state]),
    [["a", "accepted"], ["new-1", "suggested"], ["c", "suggested"]]);
});

test("a threshold turns suggestions into ghosts and back, and never what a person decided", () => {
  const events = [event("a", 1, { score: 0.4 }), event("b", 2, { score: 0.2, is_ghost: true }),
    event("c", 3, { score: 0.1, state: "accepted" })];

  assert.deepEqual(withThresholds(events, { PASS: 0.5 }).map((one) => one.is_ghost), [true, true, false]);
  assert.deepEqual(withThresholds(events, { PASS: 0.15 }).map((one) => one.is_ghost), [false, false, false]);
  assert.equal(withThresholds(events, { SHOT: 0.9 })[0], events[0]);
  assert.deepEqual(byDoubt(events, { PASS: 0.25 }).map((one) => one.id), ["b", "a"]);
});

test("intervals merge, subtract and measure", () => {
  const parts = merged([{ from: 5, to: 9 }, { from: 1, to: 2 }, { from: 2, to: 3 }, { from: 4, to: 4 }]);

  assert.deepEqual(parts, [{ from: 1, to: 3 }, { from: 5, to: 9 }]);
  assert.deepEqual(without(parts, [{ from: 2, to: 6 }]), [{ from: 1, to: 2 }, { from: 6, to: 9 }]);
  assert.equal(lengthOf(parts), 6);
  assert.ok(covers(parts, 6) && !covers(parts, 4));
});

test("what is left after many holes is what is in none of them", () => {
  const seen = Array.from({ length: 20 }, (_, index) => ({ from: index * 5, to: index * 5 + 4 }));
  const holes = Array.from({ length: 30 }, (_, index) => ({ from: index * 3.5, to: index * 3.5 + (index % 4) }));

  const left = without(seen, holes);

  for (let time = -0.25; time < 110; time += 0.5) {
    assert.equal(covers(left, time), covers(seen, time) && !covers(holes, time), String(time));
  }
});

test("only what was shown step by step was seen", () => {
  const seen = new Seen();
  for (let frame = 0; frame < 50; frame += 1) seen.show(frame / 25, (frame + 1) / 25, 0.5);
  seen.show(60, 60.04, 0.5); // a jump
  seen.show(59.96, 60, 0.5); // one step back

  assert.equal(seen.stretches.length, 2);
  assert.ok(Math.abs(lengthOf(seen.stretches) - 2.08) < 1e-6);
});

test("a seen stretch is reviewed as far as its suggestions are decided", () => {
  const seen = [{ from: 0, to: 100 }];

  assert.deepEqual(reviewedParts(seen, [], []), seen);
  assert.deepEqual(reviewedParts(seen, [50], []), []);
  assert.deepEqual(reviewedParts(seen, [50], [10, 40]), [{ from: 0, to: 40 }]);
  assert.deepEqual(reviewedParts(seen, [30, 50], [35, 45, 70]), [{ from: 35, to: 45 }, { from: 70, to: 100 }]);
  assert.deepEqual(reviewedParts(seen, [150], [10]), seen);
  assert.deepEqual(reviewedParts(seen, [50, 50], [50, 60]), [{ from: 0, to: 50 }, { from: 50, to: 100 }]);
});

test("the minimap counts what is shown and what is still open", () => {
  const events = [event("a", 1), event("b", 99, { state: "accepted" }), event("c", 99.5, { is_ghost: true })];
  const { counts, open } = densityOf(events, 100, 10);

  assert.deepEqual([...counts], [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual([...open], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});
