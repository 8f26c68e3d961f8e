// One file on its way to the service by tus, or straight into its bucket: pause, resume, a lost network, an end.

import { signal } from "@preact/signals";
import { accessHeaders } from "../core/access.js";
import { addressOf } from "../core/address.js";
import { Problem } from "../core/problem.js";
import { newKey } from "../review/sending.js";
import { BucketUnreachable, bucketUploadOf, GONE, leaveBucket } from "./bucket_upload.js";
import { earlierOf } from "./earlier.js";
import { Rate } from "./rate.js";

export const ENDPOINT = addressOf("/uploads");
const RETRIES_MS = [1000, 3000, 5000];
const AGAIN_MS = 10000;
/* Locked, at another offset (a browser sends a request again by itself when its connection
   breaks), too many: asked again, the service tells where to go on. */
const PASSING = [408, 409, 423, 425, 429];

/**
 * @typedef {"waiting" | "sending" | "paused" | "offline" | "known" | "failed" | "done"} State
 * offline: the network or the server is away, or busy; it goes on by itself
 * known: the library has the very same file; nothing was sent
 *
 * @typedef {object} Fields What POST /videos takes beside the file; empty: left out.
 * @property {string} title
 * @property {string} model
 * @property {string} callback_url
 */

export class Transfer {
  /**
   * @param {File} file
   * @param {Fields} fields
   * @param {{onChange: () => void, isPart?: boolean}} options onChange: it began, stopped or ended; isPart: it is sent
   * even if the library has the file, as it goes once it is joined
   */
  constructor(file, fields, { onChange, isPart = false }) {
    this.id = newKey(); // of its row on the page
    this.file = file;
    this.fields = fields;
    this.onChange = onChange;
    /** @type {import("@preact/signals").Signal<State>} */
    this.state = signal("waiting");
    this.sent = signal(0);
    this.problem = signal("");
    this.videoId = signal("");
    /** @type {import("@preact/signals").Signal<import("../video/types.js").Video | null>} */
    this.earlier = signal(null);
    this.isPart = isPart;
    this.isChecked = isPart;
    this.isBegunAnew = false;
    this.requestKey = newKey(); // of the one upload that it begins
    this.rate = new Rate();
    this.timer = 0;
    this.starts = 0;
    this.isCanceled = false;
    /** @type {import("tus-js-client").Upload | import("./bucket_upload.js").BucketUpload | null} */
    this.upload = null;
    this.onOnline = () => {
      if (this.state.value === "offline") this.start();
    };
    addEventListener("online", this.onOnline);
  }

  get isOver() {
    return this.state.value === "done";
  }

  /** Begin, or go on where it stopped, also in another visit of the page. */
  async start() {
    if (["sending", "done"].includes(this.state.value)) return;
    clearTimeout(this.timer);
    const start = ++this.starts;
    this.rate.reset();
    this.problem.value = "";
    this.change("sending");
    try {
      const upload = this.upload ?? await this.prepare();
      if (this.isCanceled) await upload.abort(true);
      if (this.isCanceled || start !== this.starts) return; // It was paused meanwhile, and a later start goes on with it.
      this.upload = upload;
      if (!(await this.isNew(start))) return;
    } catch (error) {
      if (start === this.starts) this.fail(/** @type {Error} */ (error));
      return;
    }
    if (start === this.starts && this.state.value === "sending") this.upload.start();
  }

  /** Whether the library lacks the file, or the user wants it twice. @param {number} start that asks */
  async isNew(start) {
    if (this.isChecked) return true;
    const earlier = await earlierOf(this.file);
    if (start !== this.starts) return false;
    this.earlier.value = earlier;
    this.isChecked = true;
    if (!this.earlier.value) return true;
    if (this.state.value === "sending") this.change("known");
    return false;
  }

  async pause() {
    clearTimeout(this.timer);
    this.change("paused");
    await this.upload?.abort();
  }

  /** Stop for good; what the service has of it goes. */
  async cancel() {
    clearTimeout(this.timer);
    removeEventListener("online", this.onOnline);
    this.isCanceled = true;
    this.change("paused");
    await this.upload?.abort(true);
  }

  async prepare() {
    const { Upload } = await import("tus-js-client");
    const { title, model, callback_url } = this.fields;
    const given = Object.entries({ filename: this.file.name, title, model, callback_url });
    const said = Object.fromEntries(given.filter(([, value]) => value));
    const onProgress = (/** @type {number} */ sent) => {
      this.sent.value = sent;
      this.rate.note(sent, performance.now());
    };
    const upload = new Upload(this.file, {
      endpoint: ENDPOINT,
      metadata: said,
      retryDelays: RETRIES_MS,
      removeFingerprintOnSuccess: true,
      onBeforeRequest: (request) => {
        for (const [name, value] of Object.entries(accessHeaders())) request.setHeader(name, value);
      },
      onProgress,
      onSuccess: ({ lastResponse }) => this.end(lastResponse.getHeader("touchline-video") ?? ""),
      onError: (error) => this.fail(error),
    });
    const [earlier] = await upload.findPreviousUploads();
    if (earlier) {
      this.isChecked = true;
      upload.resumeFromPreviousUpload(earlier);
      return upload;
    }
    const told = {
      onProgress,
      onSuccess: (/** @type {string} */ path) => this.end(path),
      onError: (/** @type {Error} */ error) => this.fail(error),
    };
    return (await bucketUploadOf(this.file, said, told, this.requestKey)) ?? upload;
  }

  /** @param {string} path of the video it became */
  end(path) {
    removeEventListener("online", this.onOnline);
    this.sent.value = this.file.size;
    this.videoId.value = path.split("/").pop() ?? "";
    this.change("done");
  }

  /** @param {Error | import("tus-js-client").DetailedError} error */
  fail(error) {
    if (error instanceof BucketUnreachable && navigator.onLine) {
      leaveBucket();
      this.beginAnew();
      return;
    }
    if (error instanceof Problem && error.slug === GONE && !this.isBegunAnew) {
      this.isBegunAnew = true;
      this.beginAnew();
      return;
    }
    const problem = problemOf(error);
    const isPassing = PASSING.includes(problem.status);
    this.problem.value = isPassing ? "" : problem.message;
    if ((isPassing || problem.isAway) && this.state.value === "sending") {
      this.change("offline");
      this.timer = setTimeout(() => this.start(), AGAIN_MS);
    } else {
      this.change("failed");
    }
  }

  /** Send it from its beginning: the bucket has ended the upload, or is not for this browser. */
  async beginAnew() {
    const { upload } = this;
    this.upload = null;
    this.requestKey = newKey();
    this.state.value = "waiting";
    await upload?.abort(true);
    if (this.state.value === "waiting") await this.start();
  }

  /** @param {State} state */
  change(state) {
    this.state.value = state;
    this.onChange();
  }
}

/**
 * @param {Error | import("tus-js-client").DetailedError} error
 * @returns {Problem}
 */
export function problemOf(error) {
  if (error instanceof Problem) return error;
  if (!("originalRequest" in error) || !error.originalRequest) return new Problem(400, { detail: error.message });
  const answer = error.originalResponse;
  if (!answer || answer.getStatus() === 0) return new Problem(0, { detail: "The connection was lost; what arrived is kept." });
  try {
    return new Problem(answer.getStatus(), JSON.parse(answer.getBody()));
  } catch {
    return new Problem(answer.getStatus(), null);
  }
}
