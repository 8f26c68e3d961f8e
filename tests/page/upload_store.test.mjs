import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
const { forget, send, sendMatch, transfers } = await import("../../app/page/static/uploads/store.js");
const { inOrder, kindOf, matches } = await import("../../app/page/static/uploads/match_parts.js");
const { Transfer } = await import("../../app/page/static/uploads/transfer.js");

const settled = () => new Promise((resolve) => { setTimeout(resolve, 20); });
const FIELDS = { title: "A title", model: "", callback_url: "" };

test("files of one match become one video when the last of them is there", async () => {
  const asked = [];
  globalThis.fetch = async (address, options) => {
    asked.push([String(address), options]);
    return new Response("{}", { status: asked.length > 1 ? 202 : 503, headers: { "content-type": "application/json" } });
  };
  Transfer.prototype.prepare = async () => ({ start() {}, url: null });
  const files = ["1_a.mp4", "2_a.mp4"].map((name) => new File(["bytes"], name));

  sendMatch(files, { ...FIELDS, model: "arena" }, "halves");
  const [match] = matches.value;
  assert.deepEqual(match.transfers.map(({ fields }) => fields.model), ["none", "none"]);
  match.transfers[0].end("/videos/1");
  await settled();
  assert.equal(asked.length, 0);
  match.transfers[1].end("/videos/2");
  await settled();
  assert.equal(match.state.value, "failed");
  assert.equal(transfers.value.length, 2);
  await match.goOn();

  assert.equal(match.state.value, "done");
  assert.deepEqual(JSON.parse(asked[1][1].body), {
    videos: ["1", "2"], parts: "halves", keep_originals: false, title: "A title", model: "arena",
  });
  match.transfers.forEach(forget);
});

test("halves and chapters of a camera are known by their names", () => {
  const names = ["GX020042.MP4", "GX010042.MP4", "GX100042.MP4"].map((name) => new File([], name));

  assert.equal(kindOf(["1_match.mp4", "2_match.mp4"]), "halves");
  assert.equal(kindOf(["GX010042.MP4", "GX020042.MP4"]), "consecutive");
  assert.deepEqual(inOrder(names).map(({ name }) => name), ["GX010042.MP4", "GX020042.MP4", "GX100042.MP4"]);
});

test("two files are sent at once, each of them once, and the next when one has ended", () => {
  const started = [];
  Transfer.prototype.prepare = async function prepare() {
    started.push(this.file.name);
    return { start() {}, url: null };
  };

  Transfer.prototype.isNew = async () => true; // The library is not asked here.

  send(["a", "b", "c"].map((name) => new File(["bytes"], name)), FIELDS);
  assert.deepEqual([...started].sort(), ["a", "b"]);
  assert.deepEqual(transfers.value.map(({ fields }) => fields.title), ["", "", ""]);
  transfers.value[0].end("/videos/1");

  assert.deepEqual([...started].sort(), ["a", "b", "c"]);
  transfers.value[1].start();
  assert.deepEqual([...started].sort(), ["a", "b", "c"]);
});
