import assert from "node:assert/strict";
import { test } from "node:test";
import { withNewer } from "../../app/page/static/teach/log_lines.js";

/** @param {number} from @param {number} to */
const lines = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => ({ number: from + index, at: "", text: `step ${from + index}` }));

test("a whole log grows by what came since", () => {
  assert.deepEqual(withNewer(lines(1, 300), lines(103, 302)), lines(1, 302));
  assert.deepEqual(withNewer(lines(1, 300), lines(101, 300)), lines(1, 300));
});

test("a log that grew by more than is told is asked for anew", () => {
  assert.equal(withNewer(lines(1, 300), lines(302, 501)), null);
});
