// The library in step with the service, by a stream and without.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
/** @type {any[]} */
const streams = [];
globalThis.EventSource = class {
  static CLOSED = 2;

  constructor() {
    this.readyState = 1;
    streams.push(this);
  }

  addEventListener() {}

  close() {}
};
let asked = 0;
globalThis.fetch = async () => {
  asked += 1;
  return Response.json({ items: [], next_cursor: null });
};
const { watch } = await import("../../app/page/static/library/store.js");
const settled = () => new Promise((resolve) => { setTimeout(resolve, 20); });

test("the list is asked for again when its stream opens, also in a second visit, and when it breaks", async () => {
  const stop = watch();
  await settled();
  streams[0].onopen();
  await settled();
  assert.equal(asked, 2);
  stop();

  const stopAgain = watch();
  await settled();
  streams[1].onopen(); // What happened between the answer and this was told to nobody.
  await settled();
  assert.equal(asked, 4);
  streams[1].onerror();
  await settled();
  streams[1].onerror(); // as it does at every try
  await settled();
  stopAgain();

  assert.equal(asked, 5);
});
