// The player as the review drives it.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

globalThis.localStorage = { getItem: () => null, setItem: () => {}, removeItem: () => {} };
globalThis.HTMLVideoElement = class { requestVideoFrameCallback() {} };
const { FrameTimes } = await import("../../app/page/static/review/frames.js");
const { ReviewModel } = await import("../../app/page/static/review/model.js");
const { Playback } = await import("../../app/page/static/review/playback.js");

class Player extends EventTarget {
  currentTime = 0;

  duration = 10;

  paused = true;

  requestVideoFrameCallback() {}

  async play() { this.paused = false; }

  pause() { this.paused = true; }
}

/** A file of 10 s. @param {number} fps */
function open(fps) {
  const model = new ReviewModel("v1");
  model.frames.value = new FrameTimes({ count: 10 * fps, fps });
  const playback = new Playback(model);
  const player = new Player();
  playback.attach(/** @type {any} */ (player));
  return { model, playback, player };
}

test("a loop that ends with the file begins again, whichever frame was told last", () => {
  const { model, playback, player } = open(10);
  playback.shown(0);
  playback.setLoop({ from: 8, to: 10.5 });
  playback.play();
  playback.shown(9.9);

  player.paused = true;
  player.dispatchEvent(new Event("ended"));

  assert.deepEqual([model.frame.peek(), player.paused, model.isPlaying.peek()], [80, false, true]);
});

test("where a file begins is not taken from the one that was shown before it", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { playback, player } = open(25);
  player.dispatchEvent(new Event("loadeddata"));
  playback.attach(/** @type {any} */ (new Player()));

  mock.timers.tick(5000);

  mock.timers.reset();
  assert.equal(playback.firstShown, null);
});
