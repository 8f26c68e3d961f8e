import assert from "node:assert/strict";
import { test } from "node:test";

import { UnsentQueue } from "../../app/page/static/review/queue.js";

class Refusal extends Error {}

function setUp(send, kept = new Map()) {
  const refused = [];
  const queue = new UnsentQueue({
    storage: {
      getItem: (at) => kept.get(at) ?? null, setItem: (at, text) => kept.set(at, text),
      removeItem: (at) => kept.delete(at),
    },
    at: "queue", send,
    isTransient: (error) => !(error instanceof Refusal),
    onRefused: (decision, error) => refused.push([decision.key, error.message]),
  });
  return { queue, kept, refused };
}

test("what could not be sent outlives a reload and is sent in order", async () => {
  const { queue, kept } = setUp(async () => { throw new TypeError("no network"); });
  for (const key of ["a", "b", "c"]) await queue.add({ key, does: "change", eventId: "1" });
  assert.equal(queue.isOnline, false);
  assert.equal(queue.length, 3);

  const sent = [];
  const again = setUp(async (decision) => { sent.push(decision.key); }, kept).queue;
  assert.equal(again.length, 3);
  await again.flush();

  assert.deepEqual(sent, ["a", "b", "c"]);
  assert.equal(kept.size, 0);
});

test("changes of an added event get its real id once the service gave one", async () => {
  const sent = [];
  const { queue } = setUp(async (decision) => {
    sent.push([decision.does, decision.eventId]);
    return decision.does === "add" ? { ids: { "new-1": "real" } } : undefined;
  });

  queue.add({ key: "a", does: "add", eventId: "new-1" });
  await queue.add({ key: "b", does: "change", eventId: "new-1" });

  assert.deepEqual(sent, [["add", "new-1"], ["change", "real"]]);
});

test("what is refused is told and lets the rest go on", async () => {
  const sent = [];
  const { queue, refused } = setUp(async (decision) => {
    if (decision.key === "bad") throw new Refusal("412");
    sent.push(decision.key);
  });

  queue.add({ key: "bad", does: "change" });
  await queue.add({ key: "good", does: "change" });

  assert.deepEqual(refused, [["bad", "412"]]);
  assert.deepEqual(sent, ["good"]);
});

test("only what was never on its way can be taken back", async () => {
  let online = false;
  const { queue } = setUp(async () => { if (!online) throw new TypeError("no network"); });
  await queue.add({ key: "a", does: "change" });
  await queue.add({ key: "b", does: "change" });

  assert.equal(queue.takeBack().key, "b");
  assert.equal(queue.takeBack(), null); // The service may have it: no answer came.
  online = true;
  await queue.flush();
  assert.equal(queue.takeBack(), null);
});

test("what is taken back is a decision on an event, not what follows from one", async () => {
  const { queue } = setUp(async () => { throw new TypeError("no network"); });
  await queue.add({ key: "a", does: "change" });
  await queue.add({ key: "b", does: "change" });
  await queue.add({ key: "c", does: "reviewed" });

  assert.equal(queue.takeBack().key, "b");
  await queue.add({ key: "d", does: "undo" });
  assert.equal(queue.takeBack(), null); // Taking an undo back would be a redo.
  assert.deepEqual(queue.waiting.map((one) => one.key), ["a", "c", "d"]);
});

test("with a refused decision go the later ones on the same event", async () => {
  const sent = [];
  const { queue } = setUp(async (decision) => {
    if (decision.key === "bad") throw new Refusal("412");
    sent.push(decision.key);
  });
  queue.onRefused = () => queue.drop("1");

  queue.add({ key: "bad", does: "change", eventId: "1" });
  queue.add({ key: "worse", does: "change", eventId: "1" });
  await queue.add({ key: "good", does: "change", eventId: "2" });

  assert.deepEqual(sent, ["good"]);
});

test("a queue that was stopped leaves what the next one keeps", async () => {
  let arrive;
  const { queue, kept } = setUp(() => new Promise((resolve) => { arrive = resolve; }));
  const sending = queue.add({ key: "a", does: "change" });
  queue.stop();
  const next = setUp(async () => { throw new TypeError("no network"); }, kept).queue;
  await next.add({ key: "b", does: "change" });

  arrive();
  await sending;

  assert.deepEqual(next.stored().map(({ key }) => key), ["b"]);
});

test("what is refused after the page was left is asked about when it is opened again", async () => {
  let refuse;
  const { queue, kept, refused } = setUp(() => new Promise((_, reject) => { refuse = reject; }));
  const sending = queue.add({ key: "a", does: "change" });
  queue.stop();

  refuse(new Refusal("412"));
  await sending;

  assert.deepEqual(refused, []);
  assert.deepEqual(setUp(async () => {}, kept).queue.waiting.map(({ key }) => key), ["a"]);
});

test("a store that holds nonsense is an empty queue", () => {
  for (const text of ["{", "7", "null"]) {
    assert.equal(setUp(async () => {}, new Map([["queue", text]])).queue.length, 0);
  }
});
