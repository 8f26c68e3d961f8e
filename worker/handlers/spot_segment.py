"""One segment of a video: its score curves, for the job that joins all of them."""

from collections.abc import Mapping
from time import monotonic
from uuid import UUID

from sqlalchemy import select

from app.core.storage.keys import segment_key
from app.jobs.tables import Job
from model.errors import EngineUnavailable
from model.spotting.segments import Segment, spot_segment
from worker.handlers.segmented import digest_of_inputs, read_index
from worker.handlers.source import arriving_source_file
from worker.handlers.spot_run import SpotRun
from worker.handlers.storing import refuse_to_fill_the_disk
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter

REPORT_EVERY_S = 0.2


def spot_one_segment(
    task: JobTask, context: HandlerContext, reporter: Reporter
) -> JobResult:
    """Score one segment of a video and store its curves.

    Raises:
        EngineUnavailable: this worker's checkpoint, engine or release is not that of
            the worker which planned the segments.
        ModelError: the video or the checkpoint cannot be used.
        SourceMissing: the video's file is gone.
        StorageFull: there is no room for the curves.
    """
    run = SpotRun.of(task, context, reporter)
    if digest_of_inputs(run) != task.params["inputs"]:
        raise EngineUnavailable(
            "This worker's model, engine or release differs from that of the worker "
            "which split the video: the parts would not fit."
        )
    reporter.progress("spot", 0.0)
    index = read_index(context.storage, task.params)
    with arriving_source_file(task, context.storage, reporter.touch) as source:
        curves = spot_segment(
            source.path,
            _segment_of(task.params),
            predictor=run.predictor,
            index=index,
            limits=run.limits,
            on_wait=source.waiting(reporter.touch),
            on_done=_Progress(reporter),
            coming=source.coming,
        )
    data = curves.to_bytes()
    refuse_to_fill_the_disk(context, len(data), what="segment's curves")
    key = segment_key(run.video_id, _parent_of(run), task.token)
    context.storage.put(key, data)
    return JobResult(facts={"key": key, "steps": len(curves)}, new_files=[key])


def _segment_of(params: Mapping[str, object]) -> Segment:
    facts = params["segment"]
    if not isinstance(facts, dict):
        raise TypeError(f"a segment has bounds, got {facts!r}")
    return Segment(**facts)


def _parent_of(run: SpotRun) -> UUID:
    with run.context.sessions() as session:
        asked = select(Job.parent_id).where(Job.id == run.task.job_id)
        parent_id = session.scalar(asked)
    if parent_id is None:
        raise ValueError("a segment is of a job")
    return parent_id


class _Progress:
    """Tells the reporter now and then how far the segment is."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._began = self._told = monotonic()

    def __call__(self, done: float) -> None:
        now = monotonic()
        if now - self._told < REPORT_EVERY_S:
            return
        self._told = now
        eta_s = (now - self._began) * (1 - done) / done if done > 0 else None
        self._reporter.progress("spot", min(done, 1.0), eta_s)
