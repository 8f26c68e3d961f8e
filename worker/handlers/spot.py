"""Spotting: finds the events of a video with a checkpoint, and stores score curves.

Decoding all frames tells when each is shown; that is stored, too.
"""

from dataclasses import replace

from sqlalchemy.orm import Session

from app.core.errors import StorageFull
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import scores_key
from app.timelines.service import Findings, save_analysis
from model.checkpoint.manifest import Manifest
from model.spotting.predictor import Predictor
from model.spotting.spot_file import Progress, SpottedVideo, spot_file
from model.spotting.timeline import Timeline
from worker.handlers.frame_times import StoredFrameTimes, store_frame_times
from worker.handlers.saved_runs import saving_of
from worker.handlers.segmented import join, plan, read_segments
from worker.handlers.source import arriving_source_file
from worker.handlers.spot_run import SpotRun
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter

LEAST_ROOM_BYTES = 32 * 2**20


def spot(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Find the events of a video.

    Raises:
        ModelError: the video or the checkpoint cannot be used.
        SourceMissing: the video's file is gone.
        StorageFull: there is no room for what it finds.
    """
    if context.storage.free_bytes() < LEAST_ROOM_BYTES:  # before minutes of work
        raise StorageFull("The server's disk has no room for what will be found.")
    run = SpotRun.of(task, context, reporter)
    segments = read_segments(run)
    if not segments and (planned := plan(run)) is not None:
        return planned
    joined = join(run, segments) if segments else None
    spotted = joined or _spot_in_one_piece(run)
    reporter.progress("store", 1.0, 0.0)
    predictor = run.predictor
    scores, frame_times = _store(spotted, predictor, task, context.storage)
    found = Findings(
        checkpoint=checkpoint_facts(predictor.manifest, engine=predictor.engine),
        scores=scores,
        spots=spotted.spots,
        warnings=spotted.warnings,
        spotting=predictor.manifest.spotting,
    )
    video_id, job_id = run.video_id, task.job_id

    def save(session: Session) -> None:
        save_analysis(session, found, video_id=video_id, job_id=job_id)
        if frame_times is not None:
            frame_times.save(session)

    return JobResult(
        facts={
            "checkpoint": dict(found.checkpoint),
            "counts": found.counts,
            "warnings": dict(found.warnings) or None,
        },
        save=save,
        new_files=[scores.key, *([frame_times.key] if frame_times else [])],
    )


def _store(
    spotted: SpottedVideo, predictor: Predictor, task: JobTask, storage: Storage
) -> tuple[StoredFile, StoredFrameTimes | None]:
    """Write the score curves and the times of frames, or neither."""
    if task.video_id is None:
        raise ValueError("spotting needs a video")
    key = scores_key(task.video_id, task.job_id, task.token)
    scores = storage.put(key, _curves(spotted, predictor).to_bytes())
    if spotted.frame_times is None:
        return scores, None
    try:
        return scores, store_frame_times(spotted.frame_times, task, storage)
    except BaseException:
        storage.delete(key)
        raise


def _spot_in_one_piece(run: SpotRun) -> SpottedVideo:
    task, context, reporter = run.task, run.context, run.reporter

    saving = saving_of(task, context, run.predictor, run.video_id)
    with arriving_source_file(task, context.storage, reporter.touch) as source:

        def note_progress(progress: Progress) -> None:
            source.check()
            reporter.progress(progress.stage, progress.done, progress.eta_s)

        return spot_file(
            source.path,
            predictor=run.predictor,
            limits=run.limits,
            on_facts=run.save_facts,
            on_progress=note_progress,
            saving=saving,
            hardware=context.settings.hardware_decoding,
            coming=source.coming,
        )


def _curves(spotted: SpottedVideo, predictor: Predictor) -> Timeline:
    """Give the score curves at the temperature that the events' scores have."""
    temperature = predictor.manifest.spotting.temperature
    return replace(
        spotted.timeline, scores=spotted.timeline.at_temperature(temperature)
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
