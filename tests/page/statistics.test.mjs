import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, NOBODY, shadesOf, visible } from "../../app/page/static/statistics/colours.js";
import { rowsOf, signed } from "../../app/page/static/statistics/compare_table.js";
import { binName, halfName, headlines, seriesOf, sumOf, written } from "../../app/page/static/statistics/figures.js";
import { chosen, halfAt, listAddress, momentsOf, teamName, wantedOf } from "../../app/page/static/statistics/moments.js";
import { comparisonOf, opponentOf } from "../../app/page/static/statistics/options.js";
import { missing } from "../../app/page/static/statistics/sections.js";
import { runsOf } from "../../app/page/static/statistics/sequences.js";

const TEAMS = [{ name: "Reds", side: "left", colour: "#d62728" }, { name: "Blues", side: "right" }];
const HALVES = [
  { half: 1, start_s: 10, end_s: 60, clock_start_s: 0 },
  { half: 2, start_s: 70, end_s: 120, clock_start_s: 50 },
];
const COUNTS = [
  { type: "PASS", team: "Reds", half: 1, count: 3 }, { type: "PASS", team: "Blues", half: 2, count: 2 },
  { type: "SHOT", team: "Reds", half: 1, count: 1 }, { type: "OUT", team: null, half: null, count: 4 },
];

test("sums are of what is asked for; null is a team of its own", () => {
  assert.equal(sumOf(COUNTS, {}), 10);
  assert.equal(sumOf(COUNTS, { type: "PASS" }), 5);
  assert.equal(sumOf(COUNTS, { team: null }), 4);
  assert.equal(sumOf(COUNTS, { half: null }), 4);
  assert.equal(sumOf(COUNTS, { team: "Reds", half: 1 }), 4);
});

test("series are the teams, then nobody; without teams all events are one", () => {
  const series = seriesOf({ teams: ["Reds", "Blues"], counts: COUNTS }, TEAMS);
  assert.deepEqual(series.map(({ team }) => team), ["Reds", "Blues", null]);
  assert.equal(series[0].shades.light, "#d62728");
  const alone = seriesOf({ teams: [], counts: [{ ...COUNTS[3] }] });
  assert.deepEqual(alone.map(({ team }) => team), [undefined]);
});

test("every colour of a series is seen, light and dark", () => {
  for (const colour of ["#ffffff", "#000000", "#ffe14d", "#808080", null, "red"]) {
    for (const index of [NOBODY, 0, 1, 2, 7]) {
      const { light, dark } = shadesOf(colour, index);
      assert.ok(contrast(light, "#ffffff") >= 3, `${colour} ${light}`);
      assert.ok(contrast(dark, "#181e1b") >= 3, `${colour} ${dark}`);
    }
  }
  assert.equal(visible("#d62728", "#ffffff"), "#d62728");
});

test("an address names the same events when it is read again", () => {
  const shown = new URLSearchParams({ confirmed: "1" });
  for (const wanted of [
    {}, { type: "A&B=?" }, { team: null }, { team: "Reds", half: 2 }, { half: null }, { played: true }, { shots: true, team: "Reds" },
    { from: 0, to: 300.5, half: 1 },
  ]) {
    const address = listAddress("/videos/1/statistics", shown, wanted);
    const query = new URLSearchParams(address.split("?")[1]);
    assert.deepEqual(wantedOf(query), wanted);
    assert.equal(query.get("confirmed"), "1");
    assert.equal(listAddress("/videos/1/statistics", query, null), "#/videos/1/statistics?confirmed=1");
  }
  assert.equal(wantedOf(new URLSearchParams("ends=1")), null);
});

test("a time lies in the half that the service puts it into", () => {
  const found = [9, 10, 59.9, 60, 65, 70, 120, 121].map((time) => halfAt(HALVES, time));
  assert.deepEqual(found, [null, 1, 1, null, null, 2, 2, null]);
});

test("teams have their names, and each other's side where ends are changed", () => {
  assert.equal(teamName("left", TEAMS, false), "Reds");
  assert.equal(teamName("left", TEAMS, true), "Blues");
  assert.equal(teamName("Reds", TEAMS, true), "Reds");
  assert.equal(teamName("goal", TEAMS, true), "goal");
  assert.equal(teamName(null, TEAMS, false), null);
  assert.equal(teamName("left", [TEAMS[0]], true), "Reds");
});

test("the events behind a figure are as many as it counts", () => {
  const events = [5, 10, 59, 60, 70, 119, 120].map((time, index) => ({ id: String(index), type: "PASS", time_s: time, team: "left" }));
  const facts = { halves: HALVES, teams: TEAMS, changesEnds: true };
  const moments = momentsOf(events, facts);
  assert.deepEqual(moments.map(({ team }) => team), ["Reds", "Reds", "Reds", "Reds", "Blues", "Blues", "Blues"]);
  const times = (wanted) => chosen(moments, wanted, HALVES).map(({ time_s }) => time_s);
  assert.deepEqual(times({ half: 2 }), [70, 119, 120]);
  assert.deepEqual(times({ half: null }), [5, 60]);
  assert.deepEqual(times({ played: true, team: "Reds" }), [10, 59]);
  assert.deepEqual(times({ half: 2, from: 100, to: 120 }), [119, 120]);
  assert.deepEqual(times({ half: 1, from: 10, to: 59 }), [10]);
});

test("figures are written short", () => {
  assert.deepEqual([written(3), written(1.25), written(1.256, 2), written(null)], ["3", "1.3", "1.26", "–"]);
  assert.deepEqual([signed(2, 1), signed(-0.5, 1), signed(0.001, 2), signed(null, 1)], ["+2", "−0.5", "0.00", "–"]);
  assert.equal(binName({ from_s: 2700, to_s: 3000, clock_from_s: 2400 }), "40–45 min");
  assert.equal(binName({ from_s: 12.5, to_s: 312.5, clock_from_s: null }), "0:13–5:13");
  assert.deepEqual([halfName(1, 2), halfName(null, 2), halfName(null, 0), halfName(3, 4)], [
    "1st half", "Outside the halves", "Whole video", "Period 3"]);
  assert.equal(runsOf(["PASS", "PASS", "SHOT"]), "2 × PASS → SHOT");
  const long = Array.from({ length: 30 }, (_, index) => (index % 2 ? "A" : "B"));
  assert.match(runsOf(long), / → 18 more$/);
});

test("headlines are of each series, and null where there is nothing to tell", () => {
  const statistics = {
    counts: COUNTS,
    tempo: [{ half: null, minutes: 2, count: 6, per_minute: 3, teams: [{ team: "Reds", count: 4, per_minute: 2 }] }],
    passes_before_shots: [{ team: "Reds", passes: 2 }, { team: "Reds", passes: 1 }],
    longest_of_teams: [{ team: "Reds", count: 4 }],
  };
  const series = seriesOf({ teams: ["Reds", "Blues"], counts: COUNTS }, TEAMS);
  const found = Object.fromEntries(headlines(statistics, series).map(({ name, values }) => [name, values]));
  assert.deepEqual(found.Events, [4, 2, 4]);
  assert.deepEqual(found["Events a minute of play"], [2, 0, null]);
  assert.deepEqual(found["Passes before a shot, mean"], [1.5, null, null]);
  assert.deepEqual(found["Longest sequence, events"], [4, null, null]);
});

test("matches of different length are compared by the minute, shots too", () => {
  const figures = [
    { statistic: "events", type: null, this: 90, other: 30, difference: 60 },
    { statistic: "minutes", type: null, this: 90, other: 30, difference: 60 },
    { statistic: "events_per_minute", type: null, this: 1, other: 1, difference: 0 },
    { statistic: "shots", type: null, this: 9, other: 3, difference: 6 },
  ];
  const rows = rowsOf(figures, true);
  assert.deepEqual(rows.map(({ statistic }) => statistic), ["minutes", "events_per_minute", "shots"]);
  assert.deepEqual([rows[2].this, rows[2].other, rows[2].difference], [0.1, 0.1, 0]);
  assert.deepEqual(rowsOf(figures, false).map(({ this: one }) => one), [90, 90, 9]);
});

test("what is not known is said, with what to do", () => {
  const words = (video, statistics) => missing(video, statistics).map(({ words: said, action }) => `${action}: ${said}`).join("\n");
  assert.match(words({}, { counts: [{ team: null, half: null, count: 1 }], halves: [], teams: [] }), /facts: The halves.*\nreview: No event has a team/);
  assert.match(words({ teams: TEAMS }, { counts: COUNTS, halves: HALVES, teams: ["Reds", "left"] }), /“left”.*\nfacts: 4 events lie outside/);
  assert.equal(words({ teams: TEAMS }, { counts: COUNTS.slice(0, 3), halves: HALVES, teams: ["Reds", "Blues"] }), "");
});

test("two matches are compared by what the address asks of both", () => {
  const of = (/** @type {string} */ text) => comparisonOf(new URLSearchParams(text)).toString();

  assert.equal(of("a=1&b=2"), "with=2");
  assert.equal(of("a=1&b=2&with_team=Reds"), "with=2");
  assert.equal(
    of("a=1&b=2&team=Reds&with_team=Blues&confirmed=1&ends=1"),
    "state=accepted&state=edited&state=added&changes_ends=true&with=2&team=Reds&with_team=Blues",
  );
});

test("a team that the other match does not have is held against one that it has", () => {
  const teams = ["Harbour", "Docks"];

  assert.equal(opponentOf("Reds", "", teams), "Harbour");
  assert.equal(opponentOf("Reds", "docks", teams), "Docks");
  assert.equal(opponentOf("Reds", "Left long ago", teams), "Harbour");
  assert.equal(opponentOf("harbour ", "Docks", teams), "Harbour");
  assert.equal(opponentOf("", "Docks", teams), "");
});
