import assert from "node:assert/strict";
import { test } from "node:test";
import { about, clock, counted, size } from "../../app/page/static/core/format.js";

test("a clock has hours only where there are any, and carries what is rounded up", () => {
  assert.equal(clock(0), "0:00");
  assert.equal(clock(59.999, 2), "1:00.00");
  assert.equal(clock(83.456, 2), "1:23.46");
  assert.equal(clock(3599.6), "1:00:00");
  assert.equal(clock(3723), "1:02:03");
  assert.equal(clock(-1), "0:00");
});

test("sizes have a unit that keeps the number short", () => {
  assert.equal(size(0), "0 B");
  assert.equal(size(999), "999 B");
  assert.equal(size(1500), "1.5 kB");
  assert.equal(size(734003200), "734 MB");
  assert.equal(size(2e13), "20 TB");
});

test("what is left is told in seconds, minutes or hours", () => {
  assert.equal(about(0.2), "about 1 s");
  assert.equal(about(300), "about 5 min");
  assert.equal(about(7200), "about 2.0 h");
});

test("one thing is no things", () => {
  assert.equal(counted(1, "video"), "1 video");
  assert.equal(counted(0, "video"), "0 videos");
});
