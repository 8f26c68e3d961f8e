import assert from "node:assert/strict";
import { test } from "node:test";
import { isUnderWay, progressOf, statusOf } from "../../app/page/static/video/words.js";

const video = { status: "queued", stage: null, progress: 0, current_analysis_id: null, job: { kind: "spot", eta_s: null } };

test("a video that waits says so", () => {
  assert.equal(isUnderWay(video), false);
  assert.deepEqual([statusOf(video), progressOf(video)], ["queued", "waits for a worker"]);
  const copied = { ...video, stage: "copy" };
  assert.deepEqual([isUnderWay(copied), progressOf(copied)], [false, "copying the file · waits for a worker"]);
});

test("a video in segments says how far they are, though its own job waits", () => {
  const split = { ...video, stage: "spot", progress: 0.374 };
  assert.equal(isUnderWay(split), true);
  assert.deepEqual([statusOf(split), progressOf(split)], ["37 %", "spotting · in segments"]);
});

test("a video that is analysed says how far, and for how long", () => {
  const running = { ...video, status: "running", stage: "spot", progress: 0.5, job: { ...video.job, eta_s: 600 } };
  assert.equal(isUnderWay(running), true);
  assert.deepEqual([statusOf(running), progressOf(running)], ["50 %", "spotting · about 10 min left"]);
});
