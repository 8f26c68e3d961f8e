"""Spotting: finds the events of a video with a checkpoint, and stores score curves."""

from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.core.storage.keys import scores_key
from app.timelines.service import Findings, save_analysis
from app.videos.tables import Video
from model.checkpoint.manifest import Manifest
from model.spotting.predictor import Predictor
from model.spotting.spot_file import Progress, SpottedVideo, spot_file
from model.spotting.timeline import Timeline
from model.video.limits import DEFAULT_LIMITS
from model.video.probe import VideoFacts
from worker.handlers.source import source_file
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter


def spot(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Find the events of a video.

    Raises:
        ModelError: the video or the checkpoint cannot be used.
        SourceMissing: the video's file is gone.
    """
    if context.predictors is None or task.video_id is None:
        raise ValueError("spotting needs predictors and a video")
    model = task.params.get("model")
    predictor = context.predictors.get(None if model is None else str(model))
    reporter.touch()
    spotted = _spot(task, context, reporter, predictor)
    reporter.progress("store", 1.0, 0.0)
    key = scores_key(task.video_id, task.job_id, task.token)
    scores = context.storage.put(key, _curves(spotted, predictor).to_bytes())
    found = Findings(
        checkpoint=checkpoint_facts(predictor.manifest, engine=predictor.engine),
        scores=scores,
        spots=spotted.spots,
        warnings=spotted.warnings,
    )
    video_id, job_id = task.video_id, task.job_id
    return JobResult(
        facts={
            "checkpoint": dict(found.checkpoint),
            "counts": found.counts,
            "warnings": dict(found.warnings) or None,
        },
        save=lambda session: save_analysis(
            session, found, video_id=video_id, job_id=job_id
        ),
        new_files=[key],
    )


def _spot(
    task: JobTask, context: HandlerContext, reporter: Reporter, predictor: Predictor
) -> SpottedVideo:
    def save_facts(facts: VideoFacts) -> None:
        reporter.touch()
        with context.sessions.begin() as session:
            session.execute(_facts_statement(task.video_id, facts))

    def note_progress(progress: Progress) -> None:
        reporter.progress(progress.stage, progress.done, progress.eta_s)

    max_duration_s = context.settings.max_duration.total_seconds()
    with source_file(task, context.storage) as path:
        return spot_file(
            path,
            predictor=predictor,
            limits=replace(DEFAULT_LIMITS, max_duration_s=max_duration_s),
            on_facts=save_facts,
            on_progress=note_progress,
        )


def _curves(spotted: SpottedVideo, predictor: Predictor) -> Timeline:
    """Give the score curves at the temperature that the events' scores have."""
    temperature = predictor.manifest.spotting.temperature
    return replace(
        spotted.timeline, scores=spotted.timeline.at_temperature(temperature)
    )


def _facts_statement(video_id: UUID | None, facts: VideoFacts) -> Any:
    return (
        update(Video)
        .where(Video.id == video_id)
        .values(
            duration_s=facts.duration_s,
            width=facts.width,
            height=facts.height,
            fps=facts.fps,
            codec=facts.codec,
            container=facts.container,
            facts=asdict(facts),
        )
    )


def checkpoint_facts(manifest: Manifest, *, engine: str) -> dict[str, object]:
    """Tell what ran; `teams` are those that events can be asked for by."""
    weights = manifest.files.get("weights.safetensors")
    return {
        "name": manifest.name,
        "version": manifest.provenance.version,
        "sha256": weights.sha256 if weights else None,
        "engine": engine,
        **({"teams": list(manifest.sides)} if manifest.sides else {}),
    }
