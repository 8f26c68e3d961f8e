import assert from "node:assert/strict";
import { test } from "node:test";
import { currentOf, nextToReview, stepsOf } from "../../app/page/static/teach/path.js";

const READY = {
  minutes: 0, matches: [], counts: {}, split: null, agreement: null, problems: [], needs: [],
  worker: { installed: true, running: true, detail: "" },
};
const NOTHING = { videos: [], types: [], readiness: READY, trainings: [], usual: "arena-rny002" };
const video = (id, { model = null, duration = 1200 } = {}) => ({
  id, title: `Match ${id}`, filename: null, duration_s: duration, job: { checkpoint: model && { name: model } },
});
const reviewed = (minutes, ...matches) => ({ ...READY, minutes, matches: matches.map(([id, share]) => ({ video_id: id, title: id, minutes: share, counts: {} })) });
const LABELED = { ...NOTHING, videos: [video("b"), video("a")], types: [{ name: "SERVE" }], readiness: reviewed(12, ["a", 12]) };
const MADE = { id: "t1", name: "hall", model: "hall@1", status: "succeeded", comparison_id: "c1", data: { minutes: 12 } };
const step = (known, id) => stepsOf(known).find((one) => one.id === id);

test("an empty project begins with a match", () => {
  const steps = stepsOf(NOTHING);

  assert.equal(currentOf(steps), 0);
  assert.deepEqual(steps.map(({ isDone }) => isDone), [false, false, false, false, false]);
  assert.equal(steps[0].href, "#/");
});

test("each step is the current one once those before it are done", () => {
  const withMatch = { ...NOTHING, videos: [video("a")] };
  assert.equal(stepsOf(withMatch)[currentOf(stepsOf(withMatch))].id, "types");
  const named = { ...withMatch, types: [{ name: "SERVE" }] };
  assert.equal(stepsOf(named)[currentOf(stepsOf(named))].id, "label");
  assert.equal(stepsOf(LABELED)[currentOf(stepsOf(LABELED))].id, "train");
  const trained = { ...LABELED, trainings: [MADE] };
  assert.equal(stepsOf(trained)[currentOf(stepsOf(trained))].id, "review");
});

test("who reviewed ten minutes with the types of a model need not name any", () => {
  assert.equal(step({ ...LABELED, types: [] }, "types").isDone, true);
});

test("labelling leads to the match that was begun, and says how much is left", () => {
  const known = { ...LABELED, readiness: reviewed(4.25, ["a", 4.25]) };

  assert.equal(step(known, "label").href, "#/videos/a");
  assert.match(step(known, "label").words, /^4\.3 min of 10 min/);
});

test("a training that runs is watched, one that failed says why, one that cannot begin says what is missing", () => {
  const running = { ...MADE, model: null, status: "running", stage: "head", progress: 0.4 };
  assert.equal(step({ ...LABELED, trainings: [running] }, "train").href, "#/teach/trainings/t1");
  const failed = { ...running, status: "failed", error: { detail: "The disk is full." } };
  assert.match(step({ ...LABELED, trainings: [failed] }, "train").words, /The disk is full/);
  assert.equal(step({ ...LABELED, trainings: [failed] }, "train").asks, "start");
  const problems = [{ code: "few-events", detail: "Only three SHOTs.", is_blocking: false }, { code: "nothing-reviewed", detail: "Review something.", is_blocking: true }];
  const blocked = step({ ...LABELED, readiness: { ...READY, problems } }, "train");
  assert.equal(blocked.words, "Review something.");
  assert.equal(blocked.asks, undefined);
});

test("after a training: the comparison, then an analysis, then the match that it looked at", () => {
  const trained = { ...LABELED, trainings: [MADE] };
  assert.equal(step(trained, "review").href, "#/teach/comparisons/c1");
  const chosen = { ...trained, usual: "hall@1" };
  assert.equal(step(chosen, "review").asks, "analyse");
  const analysed = { ...chosen, videos: [video("b", { model: "hall@1" }), video("a")] };
  assert.equal(step(analysed, "review").href, "#/videos/b");
  const done = { ...analysed, readiness: reviewed(25, ["a", 20], ["b", 5]) };
  assert.equal(step(done, "review").isDone, true);
  assert.equal(currentOf(stepsOf(done)), -1);
});

test("a match whose last second is left counts as reviewed; one of unknown length does not", () => {
  assert.equal(nextToReview([video("a")], reviewed(19.9, ["a", 19.9])), null);
  assert.equal(nextToReview([video("a", { duration: null })], reviewed(99, ["a", 99])).id, "a");
  assert.equal(nextToReview([], READY), null);
});
