import assert from "node:assert/strict";
import { test } from "node:test";

import { changedBy } from "../../app/page/static/live/changes.js";
import { mimeOf } from "../../app/page/static/live/codecs.js";
import { missingOf, wantedOf } from "../../app/page/static/live/wanted.js";
import { afterClose, latencyWords, lookAheadWords } from "../../app/page/static/live/words.js";
import { EventTable } from "../../app/page/static/review/events.js";
import { KIND, kindOf } from "../../app/page/static/review/lanes.js";

const NONE = new Set();
const change = (more = {}) => ({
  number: 1, id: "e1", type: "PASS", time_s: 10, frame: 250, score: 0.7, team: "left", is_provisional: true, replaces: null, ...more,
});

test("an event is provisional, becomes final, or goes", () => {
  const first = changedBy(new EventTable(), "provisional", change(), NONE).table;
  const final = changedBy(first, "final", change({ is_provisional: false, score: 0.9 }), NONE).table;
  const gone = changedBy(first, "retracted", change(), NONE).table;

  assert.deepEqual([first.all[0].state, kindOf(first.all[0])], ["suggested", KIND.provisional]);
  assert.deepEqual([final.all[0].state, kindOf(final.all[0]), final.all[0].score], ["suggested", KIND.suggested, 0.9]);
  assert.equal(final.all.length, 1);
  assert.equal(gone.all.length, 0);
});

test("what a person decided stays, and what the service makes of it is asked for", () => {
  const first = changedBy(new EventTable(), "provisional", change(), NONE).table;
  const accepted = first.with([{ ...first.all[0], state: "accepted", version: 3 }]);
  const retracted = changedBy(accepted, "retracted", change(), NONE);
  const beside = changedBy(accepted, "final", change({ id: "e2", time_s: 10.4, is_provisional: false }), NONE);
  const sending = changedBy(first, "retracted", change(), new Set(["e1"]));
  const far = changedBy(accepted, "final", change({ id: "e3", time_s: 20 }), NONE);

  assert.deepEqual([retracted.table.all[0].state, retracted.asks], ["accepted", true]);
  assert.deepEqual([beside.table.all.length, beside.asks], [2, true]);
  assert.equal(sending.table.all.length, 1);
  assert.equal(far.asks, false);
});

test("look-ahead and compute latency are two figures, and the latest stage is told", () => {
  const of = (p95) => ({ p50_ms: 20, p95_ms: p95, p99_ms: 80, count: 12 });
  const words = latencyWords({ spotted: of(38.2), stored: of(44), sent: of(49.5) });

  assert.equal(words.text, "50 ms");
  assert.match(words.title, /sent by the service.*95 % within 50 ms/);
  assert.match(latencyWords({ spotted: of(38.2), stored: null, sent: null }).title, /found by the model/);
  assert.equal(latencyWords(null).text, "not measured yet");
  assert.deepEqual([lookAheadWords(0.5), lookAheadWords(null)], ["0.5 s", "not known yet"]);
});

test("the form asks for what the API takes", () => {
  const form = { way: "address", address: " rtmp://camera.example/live ", name: "", model: "", record: false, analyses: true };

  assert.deepEqual(wantedOf(form), { source: "rtmp://camera.example/live", record: false, analyse_after: false });
  assert.deepEqual(wantedOf({ ...form, way: "camera", name: "Cup", model: "m@1", record: true }),
    { source: "push", record: true, analyse_after: true, name: "Cup", model: "m@1" });
  assert.equal(missingOf(form), "");
  assert.match(missingOf({ way: "address", address: "camera.example" }), /begins with/);
  assert.equal(missingOf({ way: "listen", address: "" }), "");
  assert.equal(wantedOf({ ...form, way: "srt" }).source, "srt");
});

test("a lost camera connection is tried again where that may help", () => {
  assert.equal(afterClose(1013, 50).waitMs, 1000);
  assert.ok(afterClose(1006, 3).waitMs > afterClose(1006, 0).waitMs);
  for (const code of [1000, 4401, 4403, 4404, 4409, 4422]) assert.equal(afterClose(code, 0).waitMs, null);
  assert.equal(afterClose(1006, 8).waitMs, null);
});

/** Write a box of an MP4. */
function box(kind, ...contents) {
  const data = Buffer.concat(contents.map((content) => Buffer.from(content)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length + 8);
  head.write(kind, 4, "latin1");
  return Buffer.concat([head, data]);
}

/** A head with a picture and a sound track. */
function headOf(...entries) {
  const tracks = entries.map((entry) => box("trak", box("mdia", box("minf", box("stbl", box("stsd", [0, 0, 0, 0, 0, 0, 0, 1], entry))))));
  const whole = Buffer.concat([box("ftyp", "isom"), box("moov", ...tracks)]);
  return whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length);
}

test("a segment's codecs are named as browsers want them", () => {
  const avc = box("avc1", Buffer.alloc(78), box("avcC", [1, 0x64, 0, 0x1f, 0xff]));
  const hevc = box("hvc1", Buffer.alloc(78), box("hvcC", [1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0]));
  const esds = box("esds", [0, 0, 0, 0, 3, 0x19, 0, 2, 0, 4, 0x11, 0x40, 0x15, ...new Array(11).fill(0), 5, 2, 0x12, 0x10, 6, 1, 2]);
  const aac = box("mp4a", Buffer.alloc(28), esds);

  assert.equal(mimeOf(headOf(avc, aac)), 'video/mp4; codecs="avc1.64001f, mp4a.40.2"');
  assert.equal(mimeOf(headOf(hevc, box("Opus", Buffer.alloc(28)))), 'video/mp4; codecs="hvc1.1.6.L93.90, opus"');
  assert.equal(mimeOf(headOf(box("vp08", Buffer.alloc(78)))), null);
});
