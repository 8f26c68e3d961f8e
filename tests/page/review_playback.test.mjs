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

/** A player whose clock begins at 10 s and that knows of the end of its file only after it has read it. */
class Late extends EventTarget {
  duration = 10;

  paused = true;

  seeking = false;

  #time = 10;

  requestVideoFrameCallback() {}

  get currentTime() { return this.#time; }

  set currentTime(time) {
    this.#time = Math.min(time, this.duration);
    this.seeking = true;
  }

  /** The picture of where it was sent to is there. @param {Playback} playback */
  arrive(playback) {
    this.seeking = false;
    this.dispatchEvent(new Event("seeked"));
    playback.shown(Math.min(this.#time, 19.96)); // the last frame's, at most
  }
}

for (const waits of [1, 3, 6]) {
  test(`a frame beyond the end that a player knows is reached, though it reads on for ${waits} s`, () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const { model, playback } = open(25);
    const player = new Late();
    playback.attach(/** @type {any} */ (player));
    playback.shown(10);

    playback.seek(240);
    for (let second = 0; second < waits; second += 1) {
      player.arrive(playback);
      mock.timers.tick(1000);
    }
    player.duration = 20;
    player.dispatchEvent(new Event("durationchange"));
    for (let turn = 0; turn < 6; turn += 1) {
      player.arrive(playback);
      mock.timers.tick(1000);
    }

    mock.timers.reset();
    assert.deepEqual([model.frame.peek(), playback.onScreen, playback.target], [240, 240, null]);
  });
}
