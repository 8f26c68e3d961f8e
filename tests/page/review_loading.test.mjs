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

/** Answers that come when they are let go. */
function held() {
  /** @type {{path: string, give: (body: any) => Promise<void>}[]} */
  const waiting = [];
  globalThis.fetch = (path) => new Promise((resolve) => {
    waiting.push({ path, give: async (body) => { resolve(Response.json(body)); await new Promise((next) => { setTimeout(next, 5); }); } });
  });
  return waiting;
}

test("an answer that comes late does not take the place of a newer one", async () => {
  const model = new ReviewModel("v1");
  model.video.value = { id: "v1", current_job_id: "j1", duration_s: 100 };
  const loader = new Loader(model, { busyIds: () => new Set() });
  const waiting = held();
  const reads = [loader.readCurves(), loader.readCurves(), loader.readReviewed(), loader.readReviewed(),
    loader.readPriority(), loader.readPriority(), loader.readThresholds(), loader.readThresholds(), loader.readVideo(), loader.readVideo()];
  const types = (threshold) => [{ type: "PASS", threshold }];

  for (const index of [1, 0]) {
    await waiting[index].give({ number: index });
    await waiting[2 + index].give({ intervals: [{ from_s: index, to_s: index + 10 }] });
    await waiting[4 + index].give({ number: index });
    await waiting[6 + index].give({ types: types(index) });
    await waiting[8 + index].give({ id: "v1", number: index });
  }
  await Promise.all(reads);

  assert.deepEqual([model.curves.peek().number, model.plan.peek().number, model.video.peek().number], [1, 1, 1]);
  assert.deepEqual([model.reviewed.peek(), model.thresholds.peek()], [[{ from: 1, to: 11 }], { PASS: 1 }]);
});

test("what was decided while events were read around it is not shown as it was before", async () => {
  const model = new ReviewModel("v1");
  model.isLoading.value = false;
  model.table.value = model.table.peek().with([event(10), event(11, { id: "gone" })]);
  const loader = new Loader(model, { busyIds: () => new Set() });
  const waiting = held();
  const reading = loader.readAround([10]);
  model.table.value = model.table.peek().with([event(10, { state: "accepted", version: 5 }), event(10.5, { id: "added", state: "added" })], ["gone"]);
  model.settled(["e10", "added", "gone"]);

  await waiting[0].give({ items: [event(10), event(11, { id: "gone" })], next_cursor: null });
  await reading;

  assert.deepEqual(model.table.peek().all.map(({ id, state }) => [id, state]), [["e10", "accepted"], ["added", "added"]]);
  const again = loader.readAround([10]);
  await waiting[1].give({ items: [event(10, { state: "rejected", version: 6 })], next_cursor: null });
  await again;
  assert.deepEqual(model.table.peek().all.map(({ id, state }) => [id, state]), [["e10", "rejected"]]);
});

test("a match that is told to have changed while it is opened is opened all the same", async () => {
  const model = new ReviewModel("v1");
  const loader = new Loader(model, { busyIds: () => new Set() });
  const waiting = held();
  const opening = loader.readVideo();
  const told = loader.readVideo(); // as the stream of changes has it read

  await waiting[0].give({ id: "v1", number: 0 });
  assert.equal(await opening, true);
  assert.equal(model.video.peek()?.number, 0); // what is read next needs it

  await waiting[1].give({ id: "v1", number: 1 });
  await told;
  assert.equal(model.video.peek()?.number, 1);
});

test("an answer counts though the one that was asked for later never comes", async () => {
  const model = new ReviewModel("v1");
  const loader = new Loader(model, { busyIds: () => new Set() });
  const answers = [() => Response.json({ intervals: [{ from_s: 0, to_s: 5 }] }), () => { throw new TypeError("no network"); }];
  globalThis.fetch = async () => /** @type {() => Response} */ (answers.shift())();

  await Promise.allSettled([loader.readReviewed(), loader.readReviewed()]);

  assert.deepEqual(model.reviewed.peek(), [{ from: 0, to: 5 }]);
});
