import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem, problemOf } from "../../app/page/static/core/problem.js";

test("a problem tells the server's words, its kind and what else it holds", async () => {
  const body = { type: "/problems/event-changed", title: "Changed", detail: "Ann changed it.", current: { id: "1" } };

  const problem = await problemOf(new Response(JSON.stringify(body), { status: 412 }));

  assert.equal(problem.message, "Ann changed it.");
  assert.equal(problem.slug, "event-changed");
  assert.equal(problem.body?.current.id, "1");
  assert.equal(problem.isAway, false);
});

test("an answer without words still tells its status", async () => {
  const problem = await problemOf(new Response("<html>Bad gateway</html>", { status: 502 }));

  assert.equal(problem.message, "The server answered 502.");
  assert.equal(problem.isAway, true);
});

test("no answer at all may pass", () => {
  assert.equal(new Problem(0, { detail: "The server cannot be reached." }).isAway, true);
});
