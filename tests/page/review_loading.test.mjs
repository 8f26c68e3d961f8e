import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.localStorage = { getItem: () => null, setItem: () => {}, removeItem: () => {} };
const { Loader } = await import("../../app/page/static/review/loading.js");
const { ReviewModel } = await import("../../app/page/static/review/model.js");

/** @param {number} number @param {object} [more] */
const event = (number, more) => ({
  id: `e${number}`, type: "PASS", frame: number * 25, time_s: number, score: 0.8, team: null, state: "suggested",
  source: "model", attributes: {}, is_ghost: false, version: 0, ...more,
});

test("what is decided while a long list is read stays decided", async () => {
  const model = new ReviewModel("v1");
  model.isLoading.value = false;
  const loader = new Loader(model, { busyIds: () => new Set() });
  const events = [event(10), event(100)];
  globalThis.fetch = async (path) => {
    const query = new URL(path, "http://x").searchParams;
    const isAround = query.has("from_s");
    const isSecond = query.has("cursor");
    if (isSecond) { // The first page is on its way already.
      events[0] = event(10, { state: "accepted", version: 5 });
      await loader.readAround([10]);
    }
    const items = isAround ? [events[0]] : [events[isSecond ? 1 : 0]];
    const next_cursor = isAround || isSecond ? null : "2";
    return Response.json({ items, next_cursor });
  };

  await loader.readEvents();

  assert.deepEqual(model.table.peek().all.map(({ id, state }) => [id, state]), [["e10", "accepted"], ["e100", "suggested"]]);
});
