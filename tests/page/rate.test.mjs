import assert from "node:assert/strict";
import { test } from "node:test";
import { Rate } from "../../app/page/static/uploads/rate.js";

test("nothing is told until there is something to tell from", () => {
  const rate = new Rate();
  rate.note(0, 0);
  rate.note(1000, 100);

  assert.equal(rate.bytesPerS, null);
});

test("the rate is that of the last seconds", () => {
  const rate = new Rate();
  for (let second = 0; second <= 60; second += 1) rate.note(second < 40 ? second * 1000 : 40_000 + (second - 40) * 5000, second * 1000);

  assert.equal(rate.bytesPerS, 5000);
});

test("after a start from an earlier byte it begins anew", () => {
  const rate = new Rate();
  rate.note(9000, 0);
  rate.note(9500, 1000);
  rate.note(4000, 2000);
  rate.note(5000, 3000);

  assert.equal(rate.bytesPerS, 1000);
});
