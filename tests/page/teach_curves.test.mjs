import assert from "node:assert/strict";
import { test } from "node:test";
import { tableOf } from "../../app/page/static/teach/chart.js";
import { inOneRow, lossLines, MOST_POINTS, thinned, ticksOf, typeLines, wordsOf } from "../../app/page/static/teach/curves.js";

test("steps count on from stage to stage", () => {
  const rows = [{ stage: "head", step: 0 }, { stage: "head", step: 50 }, { stage: "finetune", step: 0 }, { stage: "finetune", step: 10 }];

  assert.deepEqual(inOneRow(rows).map(({ x }) => x), [0, 50, 50, 60]);
});

test("what was no finite number is no point", () => {
  const loss = [{ step: 0, value: 2 }, { step: 1, value: null }, { step: 2, value: 1 }];

  assert.deepEqual(lossLines(loss), [{ name: "loss", look: 0, points: [{ x: 0, y: 2 }, { x: 2, y: 1 }] }]);
  assert.deepEqual(lossLines([{ step: 0, value: null }]), []);
});

test("there is a line for each type, the mean first; a type may come later", () => {
  const rows = [{ step: 1, values: { SHOT: 0.1, mean: 0.2, PASS: null } }, { step: 2, values: { SHOT: 0.3, mean: 0.4, PASS: 0.5 } }];

  const lines = typeLines(rows, ({ step }) => step);

  assert.deepEqual(lines.map(({ name }) => name), ["mean", "PASS", "SHOT"]);
  assert.deepEqual(typeLines([{ step: 1, values: { SHOT: 0.1 } }], () => 0).map(({ name, look }) => [name, look]), [["SHOT", 1]]);
  assert.deepEqual(lines[1].points, [{ x: 2, y: 0.5 }]);
});

test("a long curve keeps its shape and its last step with fewer points", () => {
  const points = Array.from({ length: 10_001 }, (_, x) => ({ x, y: 10_000 - x }));

  const fewer = thinned(points, MOST_POINTS);

  assert.equal(fewer.length, MOST_POINTS);
  assert.equal(fewer.at(-1).x, 10_000);
  assert.ok(fewer.every(({ y }, index) => index === 0 || y < fewer[index - 1].y));
});

test("ticks are round and hold all values, also of one value or none", () => {
  assert.deepEqual(ticksOf(0, 1), [0, 0.5, 1]);
  assert.deepEqual(ticksOf(0, 0.83), [0, 0.5, 1]);
  assert.deepEqual(ticksOf(0, 1230), [0, 500, 1000, 1500]);
  for (const [low, high] of [[0, 0], [5, 5], [0.25, 1], [0, 1e-6], [0, 7.3e5]]) {
    const ticks = ticksOf(low, high);
    assert.ok(ticks.length >= 2 && ticks.length <= 8 && ticks[0] <= low && ticks.at(-1) >= high, `${low} to ${high}: ${ticks}`);
  }
});

test("the table has the same figures, and a gap where a line has no point", () => {
  const lines = [{ name: "PASS", points: [{ x: 1, y: 0.1 }, { x: 2, y: 0.2 }] }, { name: "SHOT", points: [{ x: 2, y: 0.3 }] }];

  assert.deepEqual(tableOf(lines), [[1, 0.1, null], [2, 0.2, 0.3]]);
  assert.equal(wordsOf(lines, String), "PASS: 0.1 at first, 0.2 now. SHOT: 0.3 at first, 0.3 now.");
});
