"""Batches: list what is in their source."""

from uuid import UUID

from app.batches.listing import list_source
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter


def list_batch(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Add every video file in a batch's source to the batch.

    Raises:
        JobFailure: the source cannot be listed, or there is nothing in it.
    """
    count = list_source(
        UUID(str(task.params["batch_id"])),
        sessions=context.sessions,
        settings=context.settings,
        on_items=lambda _: reporter.progress("list", 0.0),
    )
    return JobResult(facts={"items": count})
