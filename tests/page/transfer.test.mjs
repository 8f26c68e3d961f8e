// A file on its way: what becomes of it when its upload is gone.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
const { Problem } = await import("../../app/page/static/core/problem.js");
const { Transfer } = await import("../../app/page/static/uploads/transfer.js");

const settled = () => new Promise((resolve) => { setTimeout(resolve, 20); });
const GONE = new Problem(404, { type: "/problems/upload-not-found", title: "Upload not found" });

/** A transfer whose uploads end as the given functions say, one after the other. */
function transfer(...ends) {
  const made = [];
  const keys = [];
  const one = new Transfer(new File(["bytes"], "a.mp4"), { title: "", model: "", callback_url: "" }, { onChange() {} });
  one.isChecked = true;
  one.prepare = async () => {
    const end = ends[made.length];
    const upload = { aborted: [], start: () => end(one), abort: async (isForGood) => upload.aborted.push(isForGood) };
    made.push(upload);
    keys.push(one.requestKey);
    return upload;
  };
  return { one, made, keys };
}

test("an upload that is gone is begun anew, once", async () => {
  const { one, made, keys } = transfer((it) => it.fail(GONE), (it) => it.end("/videos/v"));

  await one.start();
  await settled();

  assert.deepEqual([one.state.value, one.videoId.value, made.length], ["done", "v", 2]);
  assert.deepEqual(made.map(({ aborted }) => aborted), [[true], []]);
  assert.equal(new Set(keys).size, 2); // The first one's is of an upload that is no more.
});

test("one that is gone again has failed", async () => {
  const { one, made } = transfer((it) => it.fail(GONE), (it) => it.fail(GONE));

  await one.start();
  await settled();

  assert.deepEqual([one.state.value, one.problem.value, made.length], ["failed", "Upload not found", 2]);
});

/** A transfer that is prepared when it is let go. */
function slow() {
  const one = new Transfer(new File(["bytes"], "a.mp4"), { title: "", model: "", callback_url: "" }, { onChange() {} });
  one.isChecked = true;
  const made = [];
  const waiting = [];
  one.prepare = async () => {
    await new Promise((resolve) => { waiting.push(resolve); });
    const upload = { started: 0, aborted: [], start: () => { upload.started += 1; }, abort: async (isForGood) => upload.aborted.push(isForGood ?? false) };
    made.push(upload);
    return upload;
  };
  return { one, made, letGo: async () => { for (const go of waiting.splice(0)) go(); await settled(); } };
}

test("one that is paused and resumed before it has begun is sent once", async () => {
  const { one, made, letGo } = slow();
  one.start();
  await one.pause();
  one.start();

  await letGo();

  assert.equal(made.reduce((sum, { started }) => sum + started, 0), 1);
  assert.equal(one.state.value, "sending");
});

test("one that is canceled before it has begun is not begun, and leaves nothing", async () => {
  const { one, made, letGo } = slow();
  one.start();
  await one.cancel();

  await letGo();

  assert.deepEqual(made.map(({ started, aborted }) => [started, aborted]), [[0, [true]]]);
});
