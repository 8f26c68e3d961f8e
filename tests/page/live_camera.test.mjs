// The camera that a page sends: it is on only while somebody wants it.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
globalThis.document = { baseURI: "http://localhost/" };
let sockets = 0;
globalThis.WebSocket = class {
  constructor() { sockets += 1; }

  close() {}
};
/** @type {(() => void)[]} */
const asked = [];
/** @type {{isOn: boolean}[]} */
const cameras = [];
Object.defineProperty(globalThis, "navigator", {
  value: {
    mediaDevices: {
      getUserMedia: () => new Promise((resolve) => {
        asked.push(() => {
          const camera = { isOn: true, stop() { camera.isOn = false; }, addEventListener() {} };
          cameras.push(camera);
          resolve({ getTracks: () => [camera], getVideoTracks: () => [camera] });
        });
      }),
    },
  },
});
const { sendCamera, stopCamera, sending } = await import("../../app/page/static/live/camera.js");

test("a camera that is asked for twice is sent once", async () => {
  const both = [sendCamera("v1"), sendCamera("v1")];
  for (const allow of asked.splice(0)) allow();
  await Promise.all(both);

  assert.deepEqual([sockets, cameras.filter(({ isOn }) => isOn).length], [1, 1]);
  stopCamera();
  assert.equal(cameras.filter(({ isOn }) => isOn).length, 0);
});

test("a camera that is allowed after it was given back stays off", async () => {
  const before = sockets;
  const asking = sendCamera("v1");
  stopCamera();
  for (const allow of asked.splice(0)) allow();
  await asking;

  assert.deepEqual([sockets - before, cameras.filter(({ isOn }) => isOn).length, sending.peek()], [0, 0, null]);
});
