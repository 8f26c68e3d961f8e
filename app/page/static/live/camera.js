// Sends this device's camera to a stream as WebM over a WebSocket (docs/live.md). It goes on
// while the page is open, whichever view is shown.

import { signal } from "@preact/signals";
import { addressOf } from "../core/address.js";
import { tell } from "../core/notices.js";
import { afterClose } from "./words.js";

const SLICE_MS = 200;
const END_MS = 30_000; // for the service to take what was sent before an end
const MOST_WAITING = 8_000_000; // bytes; a slower connection begins anew rather than fall behind
const TYPES = ["video/webm;codecs=h264,opus", "video/webm;codecs=vp8,opus", "video/webm"];
const CONSTRAINTS = {
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 }, facingMode: "environment" },
  audio: true,
};

/**
 * @typedef {object} Sending
 * @property {string} videoId
 * @property {"waiting" | "sending" | "ended"} state
 * @property {string} words
 * @property {MediaStream} media
 */

/** The camera that is sent; null: none. @type {import("@preact/signals").Signal<Sending | null>} */
export const sending = signal(null);
/** @type {CameraSender | null} */
let sender = null;
/** How often the camera was asked for or given back: a person may take long to allow it. */
let wishes = 0;
/** Streams of which the service has taken all to the end: they need no other one. @type {Set<string>} */
const ended = new Set();

/** A page over plain http gets no camera, but on localhost. */
export function canUseCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia) && "MediaRecorder" in globalThis;
}

/** Send the camera to a stream whose source is `push`. @param {string} videoId */
export async function sendCamera(videoId) {
  stopCamera();
  const wish = wishes;
  try {
    const media = await navigator.mediaDevices.getUserMedia(CONSTRAINTS)
      .catch(() => navigator.mediaDevices.getUserMedia({ ...CONSTRAINTS, audio: false }));
    if (wish !== wishes) {
      for (const track of media.getTracks()) track.stop();
      return;
    }
    sender = new CameraSender(videoId, media);
    sender.connect();
  } catch (error) {
    if (wish !== wishes) return;
    const why = error instanceof Error ? error.message : String(error);
    tell(new Error(`The camera cannot be used: ${why}. Allow it in the browser, then press “Send the camera” of the stream.`));
  }
}

/** Give the camera back; the stream waits for another connection until it is stopped. */
export function stopCamera() {
  wishes += 1;
  sender?.end("");
  sender = null;
  sending.value = null;
}

/**
 * End a stream that this page sends to with the camera's last picture.
 *
 * @param {string} videoId
 * @returns {Promise<boolean>} whether the service has taken all of it; else the stream goes on
 */
export async function endCamera(videoId) {
  if (ended.has(videoId)) return true;
  const own = sender;
  if (own?.videoId !== videoId) return false;
  const hasEnded = await own.finish();
  if (hasEnded) ended.add(videoId);
  if (sender === own) stopCamera(); // Another stream may have the camera by now.
  return hasEnded;
}

class CameraSender {
  /** @param {string} videoId @param {MediaStream} media */
  constructor(videoId, media) {
    this.videoId = videoId;
    this.media = media;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {MediaRecorder | null} */
    this.recorder = null;
    this.tries = 0;
    this.timer = 0;
    this.isOver = false;
    this.takesEnd = false;
    /** @type {((hasEnded: boolean) => void) | null} */
    this.onFinished = null;
    /** @type {Promise<boolean> | null} */
    this.finished = null;
    this.onLeave = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
    addEventListener("beforeunload", this.onLeave);
    media.getVideoTracks()[0]?.addEventListener("ended", () => this.end("The camera was taken away."));
  }

  connect() {
    const address = new URL(addressOf(`/live/${this.videoId}/push`), document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    this.show("waiting", "Waits for the service.");
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      const said = typeof data === "string" ? JSON.parse(data) : {};
      if (said.kind !== "ready") return;
      this.takesEnd = said.takes_end === true;
      this.record(socket);
    };
    socket.onclose = ({ code }) => this.closed(code);
  }

  /** Each connection begins a file of its own. @param {WebSocket} socket */
  record(socket) {
    this.tries = 0;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(this.media, { mimeType, videoBitsPerSecond: 3_000_000 });
    this.recorder = recorder;
    recorder.ondataavailable = ({ data }) => {
      if (recorder !== this.recorder || socket.readyState !== WebSocket.OPEN || !data.size) return;
      if (socket.bufferedAmount > MOST_WAITING) socket.close(4000, "too slow");
      else socket.send(data);
    };
    recorder.start(SLICE_MS);
    this.show("sending", "The camera is sent. Keep this page open.");
  }

  /** Send the last picture and say that it is the last. @returns {Promise<boolean>} whether all of it was taken */
  finish() {
    if (this.finished) return this.finished;
    const { recorder, socket } = this;
    if (!this.takesEnd || recorder?.state !== "recording" || socket?.readyState !== WebSocket.OPEN) return Promise.resolve(false);
    this.finished = new Promise((resolve) => {
      this.onFinished = resolve;
      setTimeout(resolve, END_MS, false);
    });
    this.show("sending", "The last pictures are sent.");
    // The browser gives the rest as data, and then says that it has stopped.
    recorder.onstop = () => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ kind: "end" }));
      this.stopTracks(); // No camera is on while the service takes the rest.
    };
    recorder.stop();
    return this.finished;
  }

  /** @param {number} code */
  closed(code) {
    this.stopRecorder();
    if (this.onFinished) {
      this.onFinished(code === 1000);
      return;
    }
    if (this.isOver) return;
    const { waitMs, words } = afterClose(code, this.tries);
    this.tries += code === 1013 ? 0 : 1;
    if (waitMs === null) {
      this.end(words);
      return;
    }
    this.show("waiting", words);
    this.timer = setTimeout(() => this.connect(), waitMs);
  }

  stopRecorder() {
    if (this.recorder && this.recorder.state !== "inactive") this.recorder.stop();
    this.recorder = null;
  }

  /** @param {string} words why */
  end(words) {
    this.isOver = true;
    clearTimeout(this.timer);
    removeEventListener("beforeunload", this.onLeave);
    this.stopRecorder();
    this.socket?.close();
    this.stopTracks();
    this.show("ended", words);
  }

  stopTracks() { for (const track of this.media.getTracks()) track.stop(); }

  /** @param {Sending["state"]} state @param {string} words */
  show(state, words) { sending.value = { videoId: this.videoId, state, words, media: this.media }; }
}
