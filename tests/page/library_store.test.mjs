import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { applyJob, videos } from "../../app/page/static/library/store.js";

const JOB = { id: "j1", kind: "spot", status: "queued", stage: null, progress: 0, eta_s: null };
const TOLD = { ...JOB, video_id: "v1", status: "running", stage: "spot", progress: 0.4, eta_s: 60 };

beforeEach(() => {
  videos.value = [{ id: "v1", status: "queued", stage: null, progress: 0, job: JOB }, { id: "v2", status: "succeeded", job: { ...JOB, id: "j2" } }];
});

test("the progress of a video's job is that of the video", () => {
  applyJob(TOLD);

  const [video, other] = videos.value;
  assert.deepEqual([video.status, video.stage, video.progress, video.job.eta_s], ["running", "spot", 0.4, 60]);
  assert.equal(other.status, "succeeded");
});

test("a job beside it, such as that of its pictures, leaves the video's status", () => {
  const before = videos.value;

  applyJob({ ...TOLD, id: "j9", kind: "thumbnails" });

  assert.equal(videos.value, before);
});

test("a job that waits keeps the stage that the list told", () => {
  videos.value = videos.value.map((video) => (video.id === "v1" ? { ...video, stage: "copy" } : video));

  applyJob({ ...TOLD, status: "queued", stage: null, progress: 0 });

  assert.equal(videos.value[0].stage, "copy");
});
