import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const kept = new Map();
globalThis.localStorage = {
  getItem: (at) => kept.get(at) ?? null, setItem: (at, text) => kept.set(at, text), removeItem: (at) => kept.delete(at),
};
const { Decisions } = await import("../../app/page/static/review/decisions.js");
const { FrameTimes } = await import("../../app/page/static/review/frames.js");
const { ReviewModel } = await import("../../app/page/static/review/model.js");
const { reaction } = await import("../../app/page/static/review/prefs.js");

const SUGGESTION = {
  id: "e1", type: "PASS", frame: 10, time_s: 0.4, score: 0.8, team: null, state: "suggested", source: "model",
  attributes: {}, is_ghost: false, version: 0,
};

/** @type {{path: string, ifMatch: string | undefined, body: any}[]} */
let asked = [];
/** @type {(path: string, body: any, ifMatch: string | undefined) => [number, any] | Promise<[number, any]>} */
let answer;

globalThis.fetch = async (path, { headers, body }) => {
  const sent = { path, ifMatch: headers["if-match"], body: body && JSON.parse(body) };
  asked.push(sent);
  const [status, told] = await answer(path, sent.body, sent.ifMatch);
  if (!status) throw new TypeError("no network");
  return new Response(JSON.stringify(told), { status, headers: { "content-type": "application/json" } });
};

/** A page with one suggestion. */
function open() {
  const model = new ReviewModel("v1");
  model.frames.value = new FrameTimes({ count: 1000, fps: 25 });
  model.table.value = model.table.peek().with([SUGGESTION]);
  const decisions = new Decisions(model, { storedAt: "unsent", onTimes: () => {}, onUndone: () => {} });
  return { model, decisions, event: () => model.table.peek().all[0] };
}

beforeEach(() => {
  kept.clear();
  asked = [];
  answer = () => [0, null];
});

test("what was taken back without a connection is redone on what the service has by now", async () => {
  const { decisions, event } = open();
  decisions.accept(event());
  decisions.moveTo(event(), 12);
  await decisions.queue.flush();
  decisions.undo();
  answer = (_, body) => [200, { ...SUGGESTION, ...body, version: 7 }];
  await decisions.queue.flush();

  decisions.redo();
  await decisions.queue.flush();

  assert.deepEqual(asked.slice(-2).map(({ body, ifMatch }) => [body, ifMatch]),
    [[{ state: "accepted" }, '"0"'], [{ frame: 12 }, '"7"']]);
});

test("a mark that is sent late says what was looked at", async () => {
  const { decisions } = open();
  decisions.review(0, 9.5, "a1");
  await decisions.queue.flush();
  answer = () => [200, { intervals: [] }];
  await decisions.queue.flush();

  assert.deepEqual(asked.at(-1)?.body, { from_s: 0, to_s: 9.5, analysis_id: "a1" });
});

test("a change of an added event is redone on the id that the service gave", async () => {
  const { model, decisions } = open();
  model.table.value = model.table.peek().with([], ["e1"]);
  const added = decisions.add("SHOT");
  decisions.moveTo(added, 3);
  await decisions.queue.flush();
  decisions.undo();
  answer = (path, body) => [path.endsWith("/events") ? 201 : 200, { ...SUGGESTION, ...body, id: "real", state: "added", version: 2 }];
  await decisions.queue.flush();

  decisions.redo();
  await decisions.queue.flush();

  assert.equal(asked.at(-1).path, "/videos/v1/events/real");
  assert.deepEqual(model.table.peek().all.map(({ id, frame }) => [id, frame]), [["real", 3]]);
});

test("who uses their own word in a conflict says all of it", async () => {
  const { model, decisions, event } = open();
  decisions.accept(event());
  decisions.setType(event(), "SHOT");
  decisions.setAttributes(event(), { player: "7" });
  decisions.setAttributes(event(), { team: "left" });
  await decisions.queue.flush();
  const theirs = { ...SUGGESTION, state: "rejected", version: 3, decided_by: "Ann" };
  answer = (_, body, ifMatch) => (ifMatch === '"3"' ? [200, { ...theirs, ...body, version: 4 }]
    : [412, { type: "https://example.org/event-changed", status: 412, current: theirs, changes: [] }]);
  await decisions.queue.flush();
  assert.equal(model.conflicts.peek().length, 1);

  decisions.settle(true);
  await decisions.queue.flush();

  assert.deepEqual(asked.at(-1).body, { state: "accepted", type: "SHOT", attributes: { player: "7", team: "left" } });
  assert.deepEqual(decisions.queue.waiting, []);
});

test("a decision that was taken back at last is all that counts of several", async () => {
  const { decisions, event } = open();
  decisions.setType(event(), "SHOT");
  decisions.reset(event());
  await decisions.queue.flush();
  const theirs = { ...SUGGESTION, state: "accepted", version: 3 };
  answer = (_, body, ifMatch) => (ifMatch === '"3"' ? [200, SUGGESTION]
    : [412, { type: "https://example.org/event-changed", status: 412, current: theirs, changes: [] }]);
  await decisions.queue.flush();

  decisions.settle(true);
  await decisions.queue.flush();

  assert.deepEqual(asked.at(-1).body, { state: "suggested" });
});

/** Let the answers to some path wait; the others are those of a service that takes all. @returns {() => void} lets them go */
function hold(ending) {
  let release = () => {};
  const gate = new Promise((resolve) => { release = () => resolve(undefined); });
  answer = async (path, body) => {
    if (path.endsWith(ending)) await gate;
    if (path.endsWith("do")) return [200, { events: [], gone: [] }];
    return [200, { ...SUGGESTION, ...body, id: path.split("/").pop(), version: 3 }];
  };
  return () => release();
}

test("an event that is ticked as soon as it is added stays ticked", async () => {
  const { model, decisions } = open();
  answer = (_, body) => [201, { ...SUGGESTION, ...body, id: "real", state: "added", version: 2 }];
  const added = decisions.add("SHOT");
  model.tick(added.id);

  await decisions.queue.flush();

  assert.deepEqual([...model.ticked.peek()], ["real"]);
  assert.equal(model.keyOf("real"), added.id);
});

test("steps are done again in the order in which they were made, those of the service's too", async () => {
  const { decisions, event } = open();
  const release = hold("/reviewed");
  decisions.accept(event());
  await decisions.queue.flush();
  decisions.review(0, 1, null);
  decisions.moveTo(event(), 12);

  decisions.undo();
  decisions.undo();
  decisions.redo();
  decisions.redo();
  release();
  await decisions.queue.flush();

  assert.deepEqual(asked.slice(2).map(({ path, body }) => [path.split("/").pop(), body?.frame]),
    [["undo", undefined], ["redo", undefined], ["e1", 12]]);
});

test("an undo that found nothing is not done again in place of what was taken back before", async () => {
  const { decisions, event } = open();
  const release = hold("/reviewed");
  decisions.review(0, 1, null);
  decisions.accept(event());
  decisions.undo();
  release();
  answer = (path, body) => (path.endsWith("/undo") ? [409, { type: "https://example.org/nothing-to-undo", detail: "Nothing to undo." }]
    : [200, { ...SUGGESTION, ...body, version: 4 }]);
  decisions.undo();
  await decisions.queue.flush();

  decisions.redo();
  await decisions.queue.flush();

  assert.deepEqual(asked.at(-1).body, { state: "accepted" });
});

test("what is taken back is unsent no longer than what came before it", async () => {
  const { model, decisions, event } = open();
  const release = hold("/e2");
  model.table.value = model.table.peek().with([{ ...SUGGESTION, id: "e2", frame: 500, time_s: 20 }]);
  decisions.accept(event());
  decisions.accept(model.table.peek().get("e2"));
  decisions.moveTo(event(), 12);
  await new Promise((next) => { setTimeout(next, 10); }); // the first is sent, the second on its way

  decisions.undo();

  assert.deepEqual([event().state, event().unsent, event().version], ["accepted", false, 3]);
  release();
  await decisions.queue.flush();
});

test("a decision that is being taken by the service already is sent again, not dropped", async () => {
  const { decisions, event } = open();
  answer = () => [409, { type: "https://example.org/idempotency-key-in-use", status: 409 }];
  decisions.accept(event());
  await decisions.queue.flush();
  answer = (_, body) => [200, { ...SUGGESTION, ...body, version: 1 }];

  await decisions.queue.flush();

  assert.deepEqual([event().state, event().version, decisions.queue.length], ["accepted", 1, 0]);
});

test("what is decided while an undo is on its way rests on what it left", async () => {
  const { model, decisions, event } = open();
  const release = hold("/undo");
  const takes = answer;
  let version = 3;
  answer = async (path, body, ifMatch) => {
    const [status, told] = await takes(path, body, ifMatch);
    if (path.endsWith("/undo")) return [200, { events: [{ ...SUGGESTION, version: version = 4 }], gone: [] }];
    if (body.state === "rejected" && ifMatch !== `"${version}"`) return [412, { type: "https://example.org/event-changed", current: told }];
    return [status, told];
  };
  decisions.accept(event());
  await decisions.queue.flush();

  decisions.undo();
  decisions.reject(event());
  release();
  await decisions.queue.flush();

  assert.deepEqual([asked.at(-1).ifMatch, model.conflicts.peek().length, event().state], ['"4"', 0, "rejected"]);
});

test("what is tagged while the match plays backwards lies later than the key, for it has gone past", () => {
  const { model, decisions } = open();
  reaction.set(reaction.now.setTo(0.4));
  model.frame.value = 100;
  model.isPlaying.value = true;

  const forwards = decisions.add("SHOT");
  model.backwards = 2;
  const backwards = decisions.add("SHOT");

  reaction.set(reaction.now.setTo(null));
  assert.deepEqual([forwards.frame, backwards.frame], [90, 120]);
});
