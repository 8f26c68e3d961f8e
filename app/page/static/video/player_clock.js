// Where a player stands, in seconds of the video.
//
// The service counts from the file's start; Chromium from zero of the file's own clock, so
// that a file whose clock starts at 10 s begins at 10 s there. The first frame tells.

import { call } from "../core/api.js";

export class PlayerClock {
  /**
   * @param {HTMLVideoElement} player before it shows anything
   * @param {string} videoId
   */
  constructor(player, videoId) {
    this.player = player;
    this.leaving = new AbortController();
    this.firstShown = 0;
    this.firstTime = 0;
    this.handle = player.requestVideoFrameCallback?.((_, { mediaTime }) => {
      this.firstShown = mediaTime;
    });
    call(`/videos/${videoId}/frames?from=0&to=0`, { signal: this.leaving.signal }).then(({ start_s }) => {
      this.firstTime = start_s;
    }, () => {
      // Not looked at yet: then the first frame counts as the start.
    });
  }

  get time_s() {
    return Math.max(0, this.player.currentTime - this.firstShown + this.firstTime);
  }

  close() {
    this.leaving.abort();
    if (this.handle !== undefined) this.player.cancelVideoFrameCallback(this.handle);
  }
}
