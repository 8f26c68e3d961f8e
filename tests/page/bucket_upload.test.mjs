// A file on its way into the bucket: what is sent, and what ends it.

import assert from "node:assert/strict";
import { test } from "node:test";

const kept = new Map();
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};
const { BucketUnreachable, BucketUpload, bucketUploadOf, missingOf } = await import(
  "../../app/page/static/uploads/bucket_upload.js"
);

const FILE = new File(["0123456789"], "match.mp4", { lastModified: 1 });
const UPLOAD = { id: "1", video_id: null, part_count: 3, part_size_bytes: 4 };
const LATER = new Date(Date.now() + 60000).toISOString();
const BEFORE = new Date(Date.now() - 60000).toISOString();

/** The service and the bucket; `statusOf` tells the bucket's answer to a part. */
function surround({ there = [], isWhole = false, expiresAt = LATER, statusOf = () => 200 } = {}) {
  const seen = { parts: [], calls: [] };
  globalThis.fetch = async (address, { method = "GET", body } = {}) => {
    const path = String(address);
    seen.calls.push(`${method} ${path}`);
    const answer = (json, status = 200) => (
      new Response(JSON.stringify(json), { status, headers: { "content-type": "application/json" } })
    );
    if (path.endsWith("/complete")) return answer({ id: "v" }, 202);
    if (path.endsWith("/parts") && method === "GET") return answer({ items: there, is_whole: isWhole });
    if (!path.endsWith("/parts")) return answer(UPLOAD);
    const items = JSON.parse(body).numbers.map((number) => (
      { number, size_bytes: number === 3 ? 2 : 4, url: `bucket/${number}` }
    ));
    return answer({ items, expires_at: expiresAt });
  };
  globalThis.XMLHttpRequest = class {
    upload = {};

    open(_method, url) {
      this.number = Number(url.split("/").pop());
    }

    abort() {
      this.onabort();
    }

    async send(body) {
      const text = await body.text();
      this.status = statusOf(this.number);
      if (this.status === 0) return this.onerror();
      seen.parts.push([this.number, text]);
      return this.onload();
    }
  };
  return seen;
}

function prepared() {
  const told = { progress: [], path: "", error: null };
  const upload = new BucketUpload(FILE, "/presigned-uploads/1", {
    onProgress: (bytes) => told.progress.push(bytes),
    onSuccess: (path) => { told.path = path; },
    onError: (error) => { told.error = error; },
  });
  return { upload, told };
}

async function sent(options) {
  const seen = surround(options);
  const { upload, told } = prepared();
  await upload.start();
  return { ...told, ...seen };
}

test("only parts that are missing are sent, each with its own bytes", async () => {
  const { parts, path, progress } = await sent({ there: [{ number: 2, size_bytes: 4, etag: "e" }] });

  assert.deepEqual(parts.sort(), [[1, "0123"], [3, "89"]]);
  assert.equal(path, "/videos/v");
  assert.deepEqual([progress[0], progress.at(-1)], [4, 10]);
  assert.deepEqual(missingOf(3, new Map([[2, 4]])), [1, 3]);
});

test("what is whole in the bucket is completed, and no part is sent again", async () => {
  const { parts, path, calls } = await sent({ isWhole: true });

  assert.deepEqual([parts, path], [[], "/videos/v"]);
  assert.ok(!calls.includes("POST /presigned-uploads/1/parts"));
});

test("a bucket out of reach is told apart from a connection that breaks later", async () => {
  const first = await sent({ statusOf: () => 0 });
  const later = await sent({
    there: [{ number: 1, size_bytes: 4, etag: "e" }], statusOf: (number) => (number === 3 ? 0 : 200),
  });

  assert.ok(first.error instanceof BucketUnreachable);
  assert.ok(!(later.error instanceof BucketUnreachable) && later.error.isAway);
});

test("a bucket that is busy is asked again", async () => {
  const busy = await sent({ statusOf: () => 503, there: [{ number: 1, size_bytes: 4, etag: "e" }] });

  assert.ok(busy.error.isAway);
});

test("what is refused is tried with new addresses, whatever the clock here shows, and then is final", async () => {
  for (const expiresAt of [BEFORE, LATER]) {
    let isRefused = true;
    surround({ expiresAt, statusOf: (number) => (isRefused || number === 3 ? 403 : 200) });
    const { upload, told } = prepared();

    const ends = [];
    for (const answer of [true, false, true]) { // The second time, parts arrive.
      isRefused = answer;
      await upload.start();
      ends.push([told.error.status, told.error.isAway]);
    }
    assert.deepEqual(ends, [[0, true], [0, true], [403, false]]);
    assert.equal(told.path, "");
  }
});

test("an upload that the bucket has ended is forgotten here", async () => {
  const at = "touchline_bucket_upload:match.mp4:10:1";
  kept.set(at, JSON.stringify({ path: "/presigned-uploads/1", name: "match.mp4", size: 10 }));
  const { upload, told } = prepared();
  globalThis.fetch = async (address) => {
    const isThere = !String(address).endsWith("/parts");
    const body = isThere ? UPLOAD : { type: "/problems/upload-not-found", title: "Upload not found" };
    return new Response(JSON.stringify(body), { status: isThere ? 200 : 404, headers: { "content-type": "application/json" } });
  };

  await upload.start();

  assert.equal(told.error.slug, "upload-not-found");
  assert.ok(!kept.has(at));
});

test("a request to begin whose answer is lost begins the same upload when it is sent again", async () => {
  const keys = [];
  globalThis.fetch = async (_address, { headers }) => {
    keys.push(headers["idempotency-key"]);
    if (keys.length === 1) throw new TypeError("network error");
    return new Response(JSON.stringify(UPLOAD), { status: 201, headers: { "content-type": "application/json" } });
  };

  await assert.rejects(() => bucketUploadOf(FILE, {}, {}, "key"));
  const found = await bucketUploadOf(FILE, {}, {}, "key");

  assert.equal(found.url, "/presigned-uploads/1");
  assert.deepEqual(keys, ["key", "key"]);
  kept.clear();
});

test("a service that does not want it is asked once", async () => {
  let asked = 0;
  globalThis.fetch = async () => {
    asked += 1;
    const problem = { type: "/problems/presigned-uploads-off", title: "Presigned uploads are off" };
    return new Response(JSON.stringify(problem), { status: 409, headers: { "content-type": "application/problem+json" } });
  };

  const found = [await bucketUploadOf(FILE, {}, {}, "a"), await bucketUploadOf(FILE, {}, {}, "b")];

  const stored = [...kept.keys()].filter((key) => key.includes("bucket_upload"));
  assert.deepEqual([found, asked, stored], [[null, null], 1, []]);
});
