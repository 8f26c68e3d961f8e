import assert from "node:assert/strict";
import { test } from "node:test";
import { fromParams, fromSaved, isSame, NO_QUERY, problemOf, toParams, toSaved } from "../../app/page/static/search/query.js";
import { stillsOf } from "../../app/page/static/search/thumbnails.js";

const WHOLE = {
  type: ["SHOT", "GOAL, own"], team: ["Reds & Co"], player: ["7"], state: ["edited"], min_score: "0.5", q: "cup final", competition: "City Cup",
  from_date: "2026-01-01", to_date: "2026-05-31", order: "asc", sequence: [], within_s: "10", same_team: false,
};
const SEQUENCE = { ...WHOLE, type: [], sequence: ["PASS", "PASS", "SHOT"], within_s: "8", same_team: true };

test("a query comes back from the address as it was", () => {
  for (const query of [WHOLE, SEQUENCE, NO_QUERY]) {
    assert.deepEqual(fromParams(new URLSearchParams(toParams(query).toString())), query);
  }
  assert.equal(toParams(NO_QUERY).toString(), "");
});

test("a query comes back from a saved search, whose empty fields the service tells as null", () => {
  for (const query of [WHOLE, SEQUENCE, NO_QUERY]) {
    const told = { min_score: null, q: null, sequence: null, within_s: null, type: [], ...toSaved(query) };
    assert.ok(isSame(fromSaved(told), query));
  }
  assert.deepEqual(toSaved(SEQUENCE).sequence, ["PASS", "PASS", "SHOT"]);
  assert.equal(toSaved(SEQUENCE).within_s, 8);
  assert.equal("type" in toSaved({ ...SEQUENCE, type: ["SHOT"] }), false);
});

test("what cannot be asked says what to do", () => {
  assert.match(problemOf({ ...NO_QUERY, sequence: ["PASS"] }), /two types/);
  assert.match(problemOf({ ...SEQUENCE, within_s: "301" }), /300 seconds/);
  assert.match(problemOf({ ...SEQUENCE, within_s: "x" }), /300 seconds/);
  assert.match(problemOf({ ...NO_QUERY, min_score: "2" }), /0 to 1/);
  assert.equal(problemOf(WHOLE), "");
});

test("stills are read from WebVTT", () => {
  const text = "WEBVTT\n\n00:00.000 --> 00:02.500\nthumbnails.jpg#xywh=0,0,160,90\n\n"
    + "01:00:02.500 --> 01:00:05.000\nthumbnails.jpg#xywh=160,0,160,90\n";

  const stills = stillsOf(text, "/videos/v1/thumbnails.vtt");

  assert.deepEqual(stills, [
    { until: 2.5, image: "/videos/v1/thumbnails.jpg", x: 0, y: 0, width: 160, height: 90 },
    { until: 3605, image: "/videos/v1/thumbnails.jpg", x: 160, y: 0, width: 160, height: 90 },
  ]);
});
