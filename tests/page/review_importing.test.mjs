import assert from "node:assert/strict";
import { test } from "node:test";

import { importAddress, leftOut, NO_WISHES, rowsOf } from "../../app/page/static/review/importing.js";

test("an import is asked for with what was answered and mapped", () => {
  const wishes = { rename: { Pass: "PASS", Out: "" }, answers: { time_format: "ms", half: " " }, offset: "-1,5" };

  assert.deepEqual(importAddress("/videos/a", NO_WISHES), { address: "/videos/a/events:import" });
  assert.deepEqual(importAddress("/videos/a", wishes, { isPreview: true, skipsBad: true }), {
    address: "/videos/a/events:import?time_format=ms&rename=Pass%3DPASS&offset_s=-1.5&preview=true&skip_bad=true",
  });
  for (const offset of ["", "soon", "1e9"]) assert.ok("problem" in importAddress("/videos/a", { ...wishes, offset }));
});

test("a preview tells what is new and what is left out, the most first", () => {
  const report = /** @type {any} */ ({
    counts: { SHOT: 1, PASS: 3, HUDDLE: 3 }, added: { PASS: 2 }, unknown_types: [{ type: "HUDDLE", count: 3, suggestion: null }], problem_count: 2,
  });

  assert.deepEqual(rowsOf(report).map(({ type, added, isKnown }) => [type, added, isKnown]), [
    ["HUDDLE", 0, false], ["PASS", 2, true], ["SHOT", 0, true],
  ]);
  assert.equal(leftOut(report), 5);
});

test("a preview is a preview in browsers whose parameters do not tell how many they are", () => {
  const size = Object.getOwnPropertyDescriptor(URLSearchParams.prototype, "size");
  delete URLSearchParams.prototype.size; // Safari before 17

  const asked = importAddress("/videos/a", NO_WISHES, { isPreview: true });

  Object.defineProperty(URLSearchParams.prototype, "size", /** @type {PropertyDescriptor} */ (size));
  assert.deepEqual(asked, { address: "/videos/a/events:import?preview=true" });
});
