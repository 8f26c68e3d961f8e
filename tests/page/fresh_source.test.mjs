// A player whose file is at an address that expires.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { keepFresh } from "../../app/page/static/core/fresh_source.js";

const STALLED_MS = 5;

class Player extends EventTarget {
  src = "http://club.example/videos/1/file";
  paused = true;
  seeking = false;
  readyState = 4;
  currentTime = 0;
  playbackRate = 1;
  error = null;
  loads = 0;
  plays = 0;

  load() {
    this.loads += 1;
    this.currentTime = 0;
    this.playbackRate = 1;
    this.paused = true;
    this.dispatchEvent(new Event("loadstart"));
  }

  async play() {
    this.plays += 1;
  }

  async seek(time) {
    this.currentTime = time;
    this.seeking = true;
    this.dispatchEvent(new Event("seeking"));
    await sleep(10 * STALLED_MS);
  }
}

function started({ expiryMs = 1000 } = {}) {
  const player = new Player();
  const clock = { ms: 0 };
  const stop = keepFresh(player, { ask: async () => expiryMs, now: () => clock.ms, stalledMs: STALLED_MS });
  return { player, clock, stop };
}

test("a seek that hangs after the expiry goes on at the same moment, as it was played", async () => {
  const { player, clock } = started();
  clock.ms = 1001;
  Object.assign(player, { paused: false, playbackRate: 2 });

  await player.seek(100);

  assert.deepEqual([player.loads, player.currentTime, player.playbackRate, player.plays], [1, 100, 2, 1]);
});

test("a slow network is no expiry, and an address that lasts is left alone", async () => {
  const fresh = started();
  const lasting = started({ expiryMs: 0 });
  lasting.clock.ms = 10 ** 9;

  await Promise.all([fresh.player.seek(100), lasting.player.seek(100)]);

  assert.deepEqual([fresh.player.loads, lasting.player.loads], [0, 0]);
});

test("a seek that arrives, or a player that has gone, loads nothing anew", async () => {
  const arriving = started();
  const gone = started();
  for (const one of [arriving, gone]) one.clock.ms = 5000;

  const seeks = [arriving.player.seek(100), gone.player.seek(100)];
  arriving.player.dispatchEvent(new Event("seeked"));
  gone.stop();
  await Promise.all(seeks);

  assert.deepEqual([arriving.player.loads, gone.player.loads], [0, 0]);
});

test("a lost connection is tried once, not for ever; what cannot be decoded is not", async () => {
  const { player } = started();
  for (const code of [4, 2, 2]) {
    player.error = { code };
    player.dispatchEvent(new Event("error"));
    await sleep(STALLED_MS);
  }

  assert.equal(player.loads, 1);
});
