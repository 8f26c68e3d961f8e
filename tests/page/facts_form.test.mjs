import assert from "node:assert/strict";
import { test } from "node:test";
import { parseClock } from "../../app/page/static/core/format.js";
import { changesOf, fieldsOf } from "../../app/page/static/video/facts_form.js";

const VIDEO = {
  title: "Cup final", date: "2026-05-31", competition: null,
  teams: [{ name: "Reds", colour: "#d62728", side: "left" }],
  halves: [{ start_s: 12.5, end_s: null, clock_start_s: null }, { start_s: 3723, end_s: 6400, clock_start_s: 2700 }],
};

test("what a form shows it sends back unchanged", () => {
  const { changes } = changesOf(fieldsOf(VIDEO));

  assert.deepEqual(changes, VIDEO);
});

test("times are shown as short as they are, and no shorter", () => {
  const halves = [12, 12.5, 12.345, 0.0416667, 3723.999].map((start_s) => ({ start_s, end_s: null, clock_start_s: null }));
  const fields = fieldsOf({ ...VIDEO, halves });

  assert.deepEqual(fields.halves.map(({ start }) => start), ["0:12", "0:12.50", "0:12.345", "0:00.041667", "1:02:03.999"]);
  changesOf(fields).changes.halves.forEach(({ start_s }, index) => assert.ok(Math.abs(start_s - halves[index].start_s) < 1e-6));
});

test("an emptied form clears everything", () => {
  const fields = { title: " ", date: "", competition: "", teams: [{ name: "", colour: "#ffffff", side: "" }], halves: [] };

  assert.deepEqual(changesOf(fields).changes, { title: null, date: null, competition: null, teams: null, halves: null });
});

test("a time that is none is told with its half", () => {
  const fields = fieldsOf(VIDEO);
  fields.halves[1].end = "half past";

  assert.match(changesOf(fields).problem, /^Half 2: /);
});

test("a side needs a team", () => {
  const fields = fieldsOf(VIDEO);
  fields.teams[1].side = "right";

  assert.equal(changesOf(fields).problem, "Name the team that has a side.");
});

test("times are read as people write them", () => {
  assert.equal(parseClock("75"), 75);
  assert.equal(parseClock("1:15"), 75);
  assert.equal(parseClock(" 1:02:03,5 "), 3723.5);
  for (const text of ["", "x", "1:75", "1:-2", "1.5:10", "1:2:3:4", "1e3"]) assert.equal(parseClock(text), null, text);
});
