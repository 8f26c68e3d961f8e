// A video in words: its title, its facts, how far its job is.

import { about, clock, dateTime, size } from "../core/format.js";

/** @typedef {import("./types.js").Video} Video */

/** @type {Record<string, string>} */
const STAGES = {
  probe: "looking at the file", decode: "decoding", spot: "spotting", store: "storing", download: "fetching the file",
  copy: "copying the file", join: "joining the files", encode: "encoding",
  list: "listing the videos", live: "live",
};

/** @param {Pick<Video, "title" | "filename" | "id">} video */
export function titleOf(video) {
  return video.title || video.filename || video.id;
}

/** @param {Pick<Video, "status">} video whether its latest job waits or runs */
export function isOpen(video) {
  return video.status === "queued" || video.status === "running";
}

/**
 * Whether its job, which waits, is worked on by others: the segments it was split into.
 *
 * @param {{status: string, stage?: string | null}} job
 */
export function isInSegments({ status, stage }) {
  return status === "queued" && stage === "spot";
}

/** Whether the share that is done says something. @param {{status: string, stage?: string | null}} job */
export function isUnderWay(job) {
  return job.status === "running" || isInSegments(job);
}

/** Whether it is a live stream under way. @param {Pick<Video, "status">} video */
export function isLive({ status }) {
  return status === "live";
}

/** Whether no model looked at it: people label it. @param {Video} video */
export function isByHand(video) {
  return video.job.kind === "probe" && !video.current_analysis_id;
}

/** @param {Video} video */
export function statusOf(video) {
  if (isUnderWay(video)) return `${Math.round(video.progress * 100)} %`;
  if (video.status === "succeeded") return isByHand(video) ? "by hand" : "analysed";
  return video.status;
}

/** @param {Video} video what its job does, and for how long; the share is in statusOf() */
export function progressOf(video) {
  const parts = video.stage ? [STAGES[video.stage] ?? video.stage] : [];
  if (isInSegments(video)) parts.push("in segments");
  else if (video.status === "queued") parts.push("waits for a worker");
  if (video.job.eta_s) parts.push(`${about(video.job.eta_s)} left`);
  return parts.join(" · ");
}

/** @param {Video} video what the file is */
export function fileFacts(video) {
  const facts = [];
  if (video.duration_s) facts.push(clock(video.duration_s));
  if (video.width) facts.push(`${video.width} × ${video.height}`);
  if (video.fps) facts.push(`${Number(video.fps.toFixed(2))} fps`);
  if (video.codec) facts.push(video.codec.toUpperCase());
  if (video.size_bytes) facts.push(size(video.size_bytes));
  const ran = video.job.checkpoint?.name ?? video.job.model;
  if (ran && ran !== "none") facts.push(`model ${ran}`);
  facts.push(`added ${dateTime(video.created_at)}`);
  return facts.join(" · ");
}
