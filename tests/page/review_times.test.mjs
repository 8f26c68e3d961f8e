import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameTimes, framesOf, guessedFrames } from "../../app/page/static/review/frames.js";
import { matchClock, parseTime, timecode } from "../../app/page/static/review/timecode.js";

test("the middle of each frame belongs to that frame, at any rate", () => {
  for (const fps of [23.976, 24, 25, 29.97, 30, 50, 59.94, 240]) {
    const frames = new FrameTimes({ count: 100_000, fps, start: 0.021 });
    for (let frame = 0; frame < frames.count; frame += 37) {
      assert.equal(frames.frameAt(frames.middleOf(frame)), frame);
      assert.equal(frames.frameAt(frames.timeOf(frame)), frame);
      assert.equal(frames.nearestTo(frames.timeOf(frame) - 1e-4), frame);
    }
  }
});

test("a variable rate is sought between the times of the file", () => {
  const times = [0, 0.04, 0.05, 0.2, 0.21, 3];
  const frames = framesOf({ count: 6, fps: 10, times_s: times });

  for (const frame of times.keys()) assert.equal(frames.frameAt(frames.middleOf(frame)), frame);
  assert.equal(frames.middleOf(1), 0.045);
  assert.equal(frames.frameAt(-1), 0);
  assert.equal(frames.frameAt(99), 5);
  assert.ok(frames.middleOf(4) < 1); // not in the middle of the gap of 2.8 s
});

test("frames beyond the video are its last one", () => {
  const frames = guessedFrames({ fps: 25, duration_s: 2 });

  assert.equal(frames.count, 50);
  assert.equal(frames.isExact, false);
  assert.equal(frames.clamp(1e9), 49);
  assert.equal(frames.clamp(-3), 0);
});

test("timecodes carry over and read back", () => {
  assert.equal(timecode(59.9996), "1:00.000");
  assert.equal(timecode(3723.4561), "1:02:03.456");
  assert.equal(timecode(83.4, 0), "1:23");
  assert.equal(parseTime("1:02:03.456"), 3723.456);
  assert.equal(parseTime("83,5"), 83.5);
  for (const text of ["", "a", "1:60", "1:2:3:4", "1.5:20", "-3"]) assert.equal(parseTime(text), null);
});

test("the match clock counts by half, and goes on where the half before ended", () => {
  const halves = [{ start_s: 10, end_s: 2800 }, { start_s: 3600, end_s: null, clock_start_s: 2700 }];

  assert.equal(matchClock(5, halves), "");
  assert.equal(matchClock(10, halves), "1H 00:00");
  assert.equal(matchClock(2795, halves), "1H 46:25");
  assert.equal(matchClock(3000, halves), "");
  assert.equal(matchClock(3661.9, halves), "2H 46:01");
  assert.equal(matchClock(3661.9, null), "");
  assert.equal(matchClock(60, [{ start_s: 0, end_s: 40 }, { start_s: 50 }]), "2H 00:50");
  assert.equal(matchClock(60, [{ start_s: 0 }, { start_s: 50 }]), "2H 01:00");
});
