"""Statements about the segments of a job: its children of the kind `spot_segment`."""

from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    case,
    exists,
    func,
    select,
    true,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus

OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


def has_open_segments(
    job_id: InstrumentedAttribute[UUID],
    *,
    but: InstrumentedAttribute[UUID] | None = None,
) -> ColumnElement[bool]:
    """Whether segments of a job have not ended.

    Args:
        job_id: whose segments they are.
        but: a segment that does not count.
    """
    segment = aliased(Job)
    wanted = and_(
        segment.parent_id == job_id,
        segment.kind == JobKind.SPOT_SEGMENT,
        segment.status.in_(OPEN),
    )
    return exists().where(wanted if but is None else and_(wanted, segment.id != but))


def segments_of(parent_id: UUID) -> Select[Job]:
    """List the segments of a job, in order of time."""
    return (
        select(Job)
        .where(Job.parent_id == parent_id, Job.kind == JobKind.SPOT_SEGMENT)
        .order_by(Job.created_at, Job.id)
    )


def was_split(job_id: UUID | InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """Whether a job has segments, ended or not."""
    segment = aliased(Job)
    return exists().where(
        segment.parent_id == job_id, segment.kind == JobKind.SPOT_SEGMENT
    )


def end_open_segments(parent_id: UUID, *, but: UUID | None = None) -> Update:
    """Cancel the segments of a job: those that wait at once, others are asked to stop.

    The video is locked: no segment ends meanwhile.

    Args:
        parent_id: the job that joins them.
        but: a segment that is left alone.
    """
    waits = Job.status == JobStatus.QUEUED
    return (
        update(Job)
        .where(
            Job.parent_id == parent_id,
            Job.kind == JobKind.SPOT_SEGMENT,
            Job.status.in_(OPEN),
            true() if but is None else Job.id != but,
        )
        .values(
            cancel_requested=True,
            status=case((waits, JobStatus.CANCELED), else_=Job.status),
            finished_at=case((waits, func.now()), else_=Job.finished_at),
        )
        # A sweep may be about to look at one of them.
        .execution_options(synchronize_session="fetch")
    )


def freed_by(segment_id: UUID) -> Select[UUID]:
    """Name the job that waits for a segment alone; no row: for others, too."""
    segment = aliased(Job)
    return (
        select(Job.id)
        .join(segment, segment.parent_id == Job.id)
        .where(
            segment.id == segment_id,
            segment.kind == JobKind.SPOT_SEGMENT,
            Job.status == JobStatus.QUEUED,
            ~has_open_segments(Job.id, but=segment.id),
        )
    )


def show_progress_of_segments(segment_id: UUID) -> Update:
    """Let the job that waits for a segment show how far its segments are on average.

    It is shown to need as long as the slowest of those that run.
    """
    segment, sibling = aliased(Job), aliased(Job)
    parent_id = (
        select(segment.parent_id)
        .where(segment.id == segment_id, segment.kind == JobKind.SPOT_SEGMENT)
        .scalar_subquery()
    )
    whole = (
        select(func.avg(sibling.progress))
        .where(sibling.parent_id == Job.id, sibling.kind == JobKind.SPOT_SEGMENT)
        .correlate(Job)
    )
    slowest = whole.with_only_columns(func.max(sibling.eta_s)).where(
        sibling.status == JobStatus.RUNNING
    )
    return (
        update(Job)
        .where(Job.id == parent_id, Job.status == JobStatus.QUEUED)
        .values(
            progress=whole.scalar_subquery(),
            eta_s=slowest.scalar_subquery(),
        )
        .execution_options(synchronize_session=False)
    )
