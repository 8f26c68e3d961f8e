// The player, driven by frames: seek to the middle of one, read back which one is shown,
// correct. The picture decides what the frame number says, not the other way round.

/** @typedef {import("./model.js").ReviewModel} ReviewModel */
/** @typedef {import("./types.js").Stretch} Stretch */

export const RATES = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4];
const MOST_TRIES = 4;
const FIRST_FRAME_MS = 3000;
const NO_FRAME_MS = 400;
const BEYOND_END_MS = 15000; // a slow network may take so long to tell where a file ends
const NUDGE_S = 1; // at most, by a picture that may be the one of before the seek
const BACKWARDS_MS = 40;

export class Playback {
  /**
   * @param {ReviewModel} model
   * @param {{onShown?: (frame: number) => void}} [listeners] onShown: a frame is on screen
   */
  constructor(model, { onShown = () => {} } = {}) {
    this.model = model;
    this.onShown = onShown;
    /** @type {HTMLVideoElement | null} */
    this.player = null;
    this.leaving = new AbortController();
    /** @type {number | null} the frame that is sought */
    this.target = null;
    this.tries = 0;
    this.nudge = 0;
    /** @type {number | null} the frame that the player was last sent to */
    this.sentTo = null;
    /** The player's time that it was last sent to, and the end it knew of then. */
    this.sentAt = this.knownEnd = 0;
    /** @type {number | null} the frame that was shown last */
    this.onScreen = null;
    /** Whether it came after the player was last sent somewhere. */
    this.isNew = false;
    /** @type {number | null} the player's time of the first frame; null: not known yet */
    this.firstShown = null;
    /** @type {Stretch | null} */
    this.loop = null;
    this.backwards = 0;
    this.timer = 0;
    this.patience = 0;
    /** @type {(frame: number) => number} the frame to go to for one that may have no picture */
    this.reach = (frame) => frame;
  }

  /**
   * @param {HTMLVideoElement} player
   * @param {{isAbsolute?: boolean}} [options] isAbsolute: its time is the service's, whichever
   *   frame it shows first
   */
  attach(player, { isAbsolute = false } = {}) {
    this.detach();
    this.player = player;
    this.firstShown = isAbsolute ? this.model.frames.peek().timeOf(0) : null;
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    /** @param {string} type @param {() => void} does */
    const on = (type, does) => player.addEventListener(type, does, { signal });
    on("play", () => { this.model.isPlaying.value = true; });
    on("pause", () => { if (!this.backwards) this.model.isPlaying.value = false; });
    on("ended", () => this.ended());
    on("seeked", () => this.arrived());
    on("durationchange", () => this.lengthened());
    on("loadeddata", () => setTimeout(() => { if (!signal.aborted) this.begin(this.model.frames.peek().timeOf(0)); }, FIRST_FRAME_MS));
    if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) this.watch(player);
    else on("timeupdate", () => this.shown(player.currentTime));
  }

  detach() {
    this.stopBackwards();
    clearTimeout(this.patience);
    this.leaving.abort();
    this.player = null;
    this.target = null;
  }

  /** @param {HTMLVideoElement} player */
  watch(player) {
    player.requestVideoFrameCallback((_, { mediaTime }) => {
      if (this.player !== player) return;
      this.shown(mediaTime);
      this.watch(player);
    });
  }

  /**
   * What the player's time is later than the service's. Its clock may begin elsewhere than
   * at 0: in Chromium a file that starts at 10 s does so in the player. The first frame
   * tells.
   */
  get shift() {
    return this.firstShown === null ? 0 : this.firstShown - this.model.frames.peek().timeOf(0);
  }

  /** @param {number} mediaTime the player's time of the first frame */
  begin(mediaTime) {
    if (this.firstShown !== null) return;
    this.firstShown = mediaTime;
    if (this.target !== null) this.send();
  }

  /** A frame is on screen. @param {number} mediaTime the player's time of it */
  shown(mediaTime) {
    this.begin(mediaTime);
    const frame = this.model.frames.peek().nearestTo(mediaTime - this.shift);
    this.onScreen = frame;
    this.isNew = !this.player?.seeking;
    if (this.target !== null) {
      if (!this.player?.seeking && !this.isStale) this.check(frame);
      return;
    }
    this.model.frame.value = frame;
    this.onShown(frame);
    this.turnAround();
  }

  /**
   * Compare what is shown with what was sought.
   *
   * @param {number} frame
   * @param {{isAll?: boolean}} [options] isAll: the player shows nothing else
   */
  check(frame, { isAll = false } = {}) {
    const target = /** @type {number} */ (this.target);
    const isWrong = (this.player?.paused ?? true) && frame !== target;
    if (isWrong && this.isBeyondEnd && !isAll) return; // `arrived` waits for more.
    clearTimeout(this.patience);
    if (isWrong && !this.isBeyondEnd && this.tries < MOST_TRIES) {
      const off = (target - frame) * this.model.frames.peek().lengthOf(target);
      this.nudge = this.isNew || Math.abs(off) <= NUDGE_S ? this.nudge + off : 0;
      this.tries += 1;
      this.send();
      return;
    }
    this.target = null;
    this.model.frame.value = frame;
    this.onShown(frame);
  }

  /** A seek has ended; if no picture comes, the one on screen is what is shown. */
  arrived() {
    if (this.target === null) return;
    clearTimeout(this.patience);
    if (this.isStale) {
      this.send();
      return;
    }
    const target = this.target;
    this.patience = setTimeout(() => {
      if (this.target === target) this.check(this.onScreen ?? target, { isAll: true });
    }, this.isBeyondEnd ? BEYOND_END_MS : NO_FRAME_MS);
  }

  /**
   * Whether the player was sent beyond the end it knows. In Chromium a file whose clock
   * begins at 10 s ends 10 s too early, until it has read further.
   */
  get isBeyondEnd() { return this.player !== null && this.sentAt > this.player.duration; }

  lengthened() {
    if (this.target === null || this.sentAt <= this.knownEnd) return;
    this.tries = this.nudge = 0;
    this.send();
  }

  /** Whether another frame is wanted than the player was last sent to. */
  get isStale() { return this.sentTo !== this.target; }

  /**
   * Show a frame. While the player is on its way to one, only the latest wish counts.
   *
   * @param {number} frame
   */
  seek(frame) {
    const wanted = this.reach(this.model.frames.peek().clamp(frame));
    this.target = wanted;
    this.tries = this.nudge = 0;
    this.model.frame.value = wanted;
    if (!this.player || this.firstShown === null || this.player.seeking) return;
    this.send();
  }

  /** @param {number} time seconds */
  seekTime(time) { this.seek(this.model.frames.peek().frameAt(time)); }

  send() {
    if (!this.player || this.target === null) return;
    this.sentTo = this.target;
    this.sentAt = Math.max(0, this.model.frames.peek().middleOf(this.target) + this.shift + this.nudge);
    this.knownEnd = this.player.duration;
    this.isNew = false;
    this.player.currentTime = this.sentAt;
  }

  /** @param {number} count frames; negative: back */
  step(count) {
    this.pause();
    this.seek(this.model.frame.peek() + count);
  }

  /** @param {number} seconds */
  skip(seconds) { this.seekTime(this.model.time.peek() + seconds + 1e-6); }

  toggle() {
    if (this.model.isPlaying.peek()) this.pause();
    else this.play();
  }

  play() {
    this.stopBackwards();
    if (!this.player) return;
    this.player.playbackRate = this.model.rate.peek();
    this.model.isPlaying.value = true; // The player's own word comes a moment later.
    this.player.play().catch(() => { this.model.isPlaying.value = false; });
  }

  pause() {
    this.stopBackwards();
    this.player?.pause();
    this.model.isPlaying.value = false;
  }

  /** @param {number} rate */
  setRate(rate) {
    this.model.rate.value = rate;
    if (this.player) this.player.playbackRate = rate;
  }

  /** The next faster or slower speed. @param {1 | -1} step */
  changeRate(step) {
    const rate = this.model.rate.peek();
    const faster = RATES.find((one) => one > rate);
    const slower = RATES.findLast((one) => one < rate);
    this.setRate((step > 0 ? faster : slower) ?? rate);
  }

  /** Play forwards, or faster if it plays already. */
  shuttleForward() {
    if (this.model.isPlaying.peek() && !this.backwards) {
      this.setRate(Math.min(4, Math.max(1, this.model.rate.peek() * 2)));
    } else {
      this.setRate(1);
      this.play();
    }
  }

  /** Play backwards, by seeks: browsers play forwards only. */
  shuttleBack() {
    const rate = this.backwards ? Math.min(4, this.backwards * 2) : 1;
    this.pause();
    this.backwards = this.model.backwards = rate;
    this.model.isPlaying.value = true;
    let last = performance.now();
    let time = this.model.time.peek();
    this.timer = setInterval(() => {
      const now = performance.now();
      time -= ((now - last) / 1000) * rate;
      last = now;
      if (time <= this.model.frames.peek().timeOf(0)) this.pause();
      this.seekTime(Math.max(0, time));
    }, BACKWARDS_MS);
  }

  stopBackwards() {
    clearInterval(this.timer);
    this.backwards = this.model.backwards = 0;
  }

  /** The file is at its end; a loop that reaches so far begins again, though its last frame may not have been told. */
  ended() {
    this.model.isPlaying.value = false;
    if (!this.loop) return;
    this.seekTime(this.loop.from);
    this.play();
  }

  /** @param {Stretch | null} stretch played again and again; null: none */
  setLoop(stretch) { this.loop = stretch; }

  turnAround() {
    if (!this.loop || !this.model.isPlaying.peek()) return;
    if (this.model.time.peek() >= Math.min(this.loop.to, this.model.frames.peek().end - 0.05)) this.seekTime(this.loop.from);
  }
}
