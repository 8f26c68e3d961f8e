"""Analyses as a worker leaves them: spots of a stream, curves at their temperature."""

from dataclasses import replace

from sqlalchemy import select

from app.core.storage.interface import Storage
from app.core.storage.keys import scores_key
from app.jobs.tables import Job, JobStatus
from app.timelines.service import Findings, save_analysis
from app.timelines.tables import Analysis
from model.checkpoint.spotting_options import SpottingOptions
from model.spotting.spots import SpotStream
from model.spotting.timeline import Timeline
from tests.integration.uploaded import Uploaded

PART = 37  # steps that become final at once


def analyse(
    video: Uploaded,
    timeline: Timeline,
    options: SpottingOptions,
    *,
    storage: Storage,
    sides: tuple[str, ...] = (),
    weights: str = "f00d",
    keeps_options: bool = True,
) -> Analysis:
    """End a video's job with what a network said of it, as the worker's handler does.

    Args:
        video: with its job.
        timeline: raw, not at the temperature.
        options: of the checkpoint.
        storage: for the curves.
        sides: that it tells apart.
        weights: what their SHA-256 is said to be.
        keeps_options: False as earlier releases, which did not.
    """
    stream = SpotStream(timeline.labels, options, sides=sides)
    spots = []
    for start in range(0, len(timeline), PART):
        spots += stream.push(timeline[start : start + PART])
    spots += stream.close()
    curves = replace(timeline, scores=timeline.at_temperature(options.temperature))
    key = scores_key(video.video_id, video.job_id, video.job_id)
    found = Findings(
        checkpoint={
            "name": "drawn",
            "sha256": weights,
            **({"teams": list(sides)} if sides else {}),
        },
        scores=storage.put(key, curves.to_bytes()),
        spots=spots,
        warnings={},
        spotting=options if keeps_options else None,
    )
    with video.sessions.begin() as session:
        job = session.scalars(select(Job).where(Job.id == video.job_id)).one()
        save_analysis(session, found, video_id=video.video_id, job_id=job.id)
        job.status, job.progress = JobStatus.SUCCEEDED, 1.0
        job.result = {"counts": found.counts, "checkpoint": dict(found.checkpoint)}
    return video.analysis()
