"""A video whose segments other jobs score: the plan, and what is made of its parts.

Whatever speaks against segments costs the job its share of time, nothing more: it then
runs in one piece, and fails or ends as it always would.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256

import structlog

from app.core.storage.interface import Storage
from app.core.storage.keys import step_index_key
from app.jobs.saved_runs import saved_of
from app.jobs.segment_plan import count_workers, parts_by_length, parts_wanted
from app.jobs.segments import list_segments
from app.jobs.tables import Job, JobStatus
from model.errors import Canceled, CannotSplit, ModelError
from model.spotting.segments import (
    Segment,
    can_be_split,
    join_segments,
    plan_worthwhile,
)
from model.spotting.spot_file import SpottedVideo
from model.spotting.timeline import Timeline
from model.video.probe import VideoFacts, probe_in_child
from model.video.source import Tally
from model.video.step_index import StepIndex
from model.video.step_reading import read_steps_in_child
from model.video.warnings import corrected_facts, warnings_of
from worker.handlers.saved_runs import inputs_of
from worker.handlers.source import arriving_source_file
from worker.handlers.spot_run import SpotRun
from worker.handlers.storing import refuse_to_fill_the_disk
from worker.job_task import JobResult

log = structlog.get_logger(__name__)


def read_segments(run: SpotRun) -> list[Job]:
    """List the segments into which the job was split, in order of time."""
    with run.context.sessions() as session:
        return list_segments(session, run.task.job_id)


def digest_of_inputs(run: SpotRun) -> str:
    """Name all that scores depend on: parts of different runs never meet."""
    inputs = inputs_of(run.task, run.context, run.predictor, run.video_id)
    return sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def plan(run: SpotRun) -> JobResult | None:
    """Plan the segments of a video that no run has begun; None: run it in one piece.

    Raises:
        ModelError: the file is at fault, or the run must stop.
        SourceMissing: the video's file is gone.
    """
    settings = run.context.settings
    is_plain = settings.hardware_decoding == "off" and can_be_split(run.predictor)
    if settings.segments == 0 or not is_plain:
        return None
    with run.context.sessions() as session:
        if saved_of(session, run.task.job_id) is not None:
            return None
    # Where nobody could help, the file is not waited for: it is decoded as it comes.
    if _parts_wanted(run, settings.max_duration.total_seconds()) < 2:
        return None
    run.reporter.progress("probe", 0.0)
    with arriving_source_file(
        run.task, run.context.storage, run.reporter.touch
    ) as source:
        wait = source.waiting(run.reporter.touch)
        facts = probe_in_child(
            source.path, limits=run.limits, on_wait=wait, coming=source.coming
        )
        run.save_facts(facts)
        if _parts_wanted(run, facts.duration_s) < 2:
            return None
        try:
            index = read_steps_in_child(
                source.path,
                run.predictor.manifest.frame_spec.fps,
                limits=run.limits,
                on_wait=wait,
                coming=source.coming,
            )
            # That took a while: others may have split a video meanwhile.
            parts = _parts_wanted(run, facts.duration_s)
            parts = parts_by_length(index.until_s, index.longest_group_s, at_most=parts)
            found = plan_worthwhile(index.steps, run.predictor, parts=parts)
        except Canceled:
            raise
        except ModelError as exc:
            log.info("not_split", reason=str(exc))
            return None
    return _split_into(run, found, facts, index) if len(found) > 1 else None


def _split_into(
    run: SpotRun, found: Sequence[Segment], facts: VideoFacts, index: StepIndex
) -> JobResult:
    digest, model = digest_of_inputs(run), run.task.params.get("model")
    key = step_index_key(run.video_id, run.task.job_id, run.task.token)
    data = index.to_bytes()
    refuse_to_fill_the_disk(run.context, len(data), what="index of the video's steps")
    run.context.storage.put(key, data)
    segments: list[dict[str, object]] = [
        {
            "model": model,
            "inputs": digest,
            "index": number,
            "facts": asdict(facts),
            "steps": key,
            "segment": asdict(one),
        }
        for number, one in enumerate(found)
    ]
    return JobResult(segments=segments, new_files=[key])


def read_index(storage: Storage, segment: Mapping[str, object]) -> StepIndex:
    """Read what the worker that planned a segment found out of the video's frames.

    Raises:
        CannotSplit: it is gone, or damaged.
    """
    try:
        return StepIndex.from_bytes(storage.get(str(segment["steps"])))
    except (FileNotFoundError, KeyError, ValueError) as exc:
        raise CannotSplit(f"the index of the video's steps: {exc}") from exc


def _parts_wanted(run: SpotRun, duration_s: float) -> int:
    """Tell into how many segments a video is to be cut as things stand now."""
    settings = run.context.settings
    with run.context.sessions() as session:
        workers = count_workers(session, run.task.job_id, settings=settings)
    return parts_wanted(settings.segments, duration_s=duration_s, workers=workers)


def join(run: SpotRun, segments: Sequence[Job]) -> SpottedVideo | None:
    """Make of the segments' curves what one run finds; None: run it in one piece.

    Raises:
        Canceled: the run must stop.
        StorageUnavailable: the storage does not answer.
    """
    digest = digest_of_inputs(run)
    for one in segments:
        if one.status != JobStatus.SUCCEEDED or one.params["inputs"] != digest:
            log.warning("segments_not_joined", segment=str(one.id), status=one.status)
            return None
    run.reporter.progress("spot", 1.0)
    try:
        parts = [_curves_of(run, one) for one in segments]
        return _join(run, segments, parts)
    except Canceled:
        raise
    except (FileNotFoundError, KeyError, TypeError, ValueError, ModelError) as exc:
        log.warning("segments_not_joined", reason=str(exc))
        return None


def _curves_of(run: SpotRun, segment: Job) -> Timeline:
    run.reporter.touch()
    return Timeline.from_bytes(
        run.context.storage.get(str((segment.result or {})["key"]))
    )


def _join(
    run: SpotRun, segments: Sequence[Job], parts: Sequence[Timeline]
) -> SpottedVideo:
    planned = segments[0].params
    facts = VideoFacts(**dict(planned["facts"]))  # type: ignore[call-overload]  # JSON
    index = read_index(run.context.storage, planned)
    timeline, spots = join_segments(parts, predictor=run.predictor)
    times = index.frame_times
    if len(timeline) != index.steps:
        raise ValueError(f"{len(timeline)} steps were scored of {index.steps}")
    tally = Tally(frames=len(times), until_s=index.until_s)
    final = corrected_facts(facts, tally)
    if final != facts:
        run.save_facts(final)
    warnings = warnings_of(facts, tally)
    return SpottedVideo(final, timeline, spots, warnings=warnings, frame_times=times)
