"""A video whose segments other jobs score: the plan, and what is made of its parts.

Whatever speaks against segments costs the job its share of time, nothing more: it then
runs in one piece, and fails or ends as it always would.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256

import structlog

from app.jobs.saved_runs import saved_of
from app.jobs.segment_plan import count_workers, parts_by_length, parts_wanted
from app.jobs.segments import list_segments
from app.jobs.tables import Job, JobStatus
from model.errors import Canceled, ModelError
from model.spotting.segments import can_be_split, join_segments, plan_worthwhile
from model.spotting.spot_file import SpottedVideo
from model.spotting.timeline import Timeline
from model.video.probe import probe_in_child
from model.video.source import Tally
from model.video.step_reading import read_steps_in_child
from model.video.warnings import corrected_facts, warnings_of
from worker.handlers.saved_runs import inputs_of
from worker.handlers.source import source_file
from worker.handlers.spot_run import SpotRun

log = structlog.get_logger(__name__)


def read_segments(run: SpotRun) -> list[Job]:
    """List the segments into which the job was split, in order of time."""
    with run.context.sessions() as session:
        return list_segments(session, run.task.job_id)


def digest_of_inputs(run: SpotRun) -> str:
    """Name all that scores depend on: parts of different runs never meet."""
    inputs = inputs_of(run.task, run.context, run.predictor, run.video_id)
    return sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def plan(run: SpotRun) -> list[dict[str, object]]:
    """Plan the segments of a video that no run has begun; none: run it in one piece.

    Raises:
        ModelError: the file is at fault, or the run must stop.
        SourceMissing: the video's file is gone.
    """
    settings = run.context.settings
    is_plain = settings.hardware_decoding == "off" and can_be_split(run.predictor)
    if settings.segments == 0 or not is_plain:
        return []
    with run.context.sessions() as session:
        if saved_of(session, run.task.job_id) is not None:
            return []
        workers = count_workers(session, run.task.job_id, settings=settings)
    run.reporter.progress("probe", 0.0)
    with source_file(run.task, run.context.storage) as path:
        touch = run.reporter.touch
        facts = probe_in_child(path, limits=run.limits, on_wait=touch)
        run.save_facts(facts)
        parts = parts_wanted(
            settings.segments, duration_s=facts.duration_s, workers=workers
        )
        if parts < 2:
            return []
        fps = run.predictor.manifest.frame_spec.fps
        try:
            file = read_steps_in_child(path, fps, limits=run.limits, on_wait=touch)
            parts = parts_by_length(file.until_s, file.longest_group_s, at_most=parts)
            found = plan_worthwhile(file.steps, run.predictor, parts=parts)
        except Canceled:
            raise
        except ModelError as exc:
            log.info("not_split", reason=str(exc))
            return []
    if len(found) < 2:
        return []
    digest, model = digest_of_inputs(run), run.task.params.get("model")
    return [
        {"model": model, "inputs": digest, "index": index, "segment": asdict(one)}
        for index, one in enumerate(found)
    ]


def join(run: SpotRun, segments: Sequence[Job]) -> SpottedVideo | None:
    """Make of the segments' curves what one run finds; None: run it in one piece.

    Raises:
        Canceled: the run must stop.
        StorageUnavailable: the storage does not answer.
        SourceMissing: the video's file is gone.
    """
    digest = digest_of_inputs(run)
    for one in segments:
        if one.status != JobStatus.SUCCEEDED or one.params["inputs"] != digest:
            log.warning("segments_not_joined", segment=str(one.id), status=one.status)
            return None
    run.reporter.progress("spot", 1.0)
    try:
        parts = [_curves_of(run, one) for one in segments]
        return _join(run, parts)
    except Canceled:
        raise
    except (FileNotFoundError, KeyError, ValueError, ModelError) as exc:
        log.warning("segments_not_joined", reason=str(exc))
        return None


def _curves_of(run: SpotRun, segment: Job) -> Timeline:
    run.reporter.touch()
    return Timeline.from_bytes(
        run.context.storage.get(str((segment.result or {})["key"]))
    )


def _join(run: SpotRun, parts: Sequence[Timeline]) -> SpottedVideo:
    touch, fps = run.reporter.touch, run.predictor.manifest.frame_spec.fps
    with source_file(run.task, run.context.storage) as path:
        facts = probe_in_child(path, limits=run.limits, on_wait=touch)
        file = read_steps_in_child(
            path, fps, wants_times=True, limits=run.limits, on_wait=touch
        )
    timeline, spots = join_segments(parts, predictor=run.predictor)
    if file.frame_times is None or len(timeline) != file.steps:
        raise ValueError(f"{len(timeline)} steps were scored of {file.steps}")
    tally = Tally(frames=len(file.frame_times), until_s=file.until_s)
    final = corrected_facts(facts, tally)
    if final != facts:
        run.save_facts(final)
    warnings = warnings_of(facts, tally)
    return SpottedVideo(
        final, timeline, spots, warnings=warnings, frame_times=file.frame_times
    )
