"""Statements about the whole service's state, each by an index or on a small table."""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    SQLColumnExpression,
    cast,
    extract,
    func,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.health.tables import WorkerHeartbeat
from app.jobs.kinds import JobKind
from app.jobs.segment_queries import was_split
from app.jobs.tables import Job, JobStatus
from app.videos.queries import own_bytes
from app.videos.tables import Video
from app.webhooks.tables import Delivery, DeliveryStatus, Webhook

OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)
WINDOW = timedelta(hours=1)


def since(
    begin: SQLColumnExpression[Any], end: SQLColumnExpression[Any]
) -> SQLColumnExpression[float]:
    """Tell the seconds between two times."""
    return cast(extract("epoch", end - begin), Float)


def open_jobs() -> Select[str, str, int, float, int, int]:
    """Count open jobs by kind and status.

    Columns: kind, status, count, age of the oldest (s), expired leases, interruptions.
    """
    return (
        select(
            Job.kind,
            Job.status,
            func.count(),
            since(func.min(Job.created_at), func.now()),
            func.count().filter(
                Job.status == JobStatus.RUNNING, Job.lease_expires_at < func.now()
            ),
            func.coalesce(func.sum(Job.interruptions), 0),
        )
        .where(Job.status.in_(OPEN))
        .group_by(Job.kind, Job.status)
    )


def ended_jobs() -> Select[str, str, str, int, float, float, int, int]:
    """Count what ended lately by kind, status and error code.

    Columns: kind, status, error code, count, mean wait (s), mean run (s), attempts,
    interruptions. The means are null for jobs that no worker took.
    """
    code = func.coalesce(Job.error_code, "")
    return (
        select(
            Job.kind,
            Job.status,
            code,
            func.count(),
            func.avg(since(Job.created_at, Job.started_at)),
            func.avg(since(Job.started_at, Job.finished_at)),
            func.sum(Job.attempt),
            func.sum(Job.interruptions),
        )
        .where(Job.finished_at > func.now() - WINDOW)
        .group_by(Job.kind, Job.status, code)
    )


def stage_times() -> Select[str, str, float, int]:
    """Sum the time of each stage of jobs that ended lately.

    Columns: kind, stage, seconds, count of jobs.
    """
    times = func.jsonb_each_text(Job.stage_seconds).table_valued("key", "value")
    return (
        select(
            Job.kind,
            times.c.key,
            func.sum(cast(times.c.value, Float)),
            func.count(),
        )
        .join(times, true())
        .where(Job.finished_at > func.now() - WINDOW)
        .group_by(Job.kind, times.c.key)
    )


def analysed_frames() -> Select[float | None, float, float | None]:
    """Sum frames, run time and time in the stage `spot` (s) of analyses that succeeded
    at once lately.
    """
    return (
        select(
            func.sum(Video.duration_s * Video.fps),
            func.sum(since(Job.started_at, Job.finished_at)),
            func.sum(cast(Job.stage_seconds["spot"].astext, Float)),
        )
        .join(Video, Video.id == Job.video_id)
        .where(
            Job.finished_at > func.now() - WINDOW,
            Job.kind == JobKind.SPOT,
            Job.status == JobStatus.SUCCEEDED,
            Job.attempt == 1,
            ~was_split(Job.id),  # others did its work
            Video.duration_s.is_not(None),
            Video.fps.is_not(None),
        )
    )


def pending_messages() -> Select[int, int, float]:
    """Count messages to be sent: all, due, and how long the oldest is due (s)."""
    is_due = Delivery.next_attempt_at <= func.now()
    oldest = func.min(Delivery.next_attempt_at).filter(is_due)
    return select(
        func.count(), func.count().filter(is_due), since(oldest, func.now())
    ).where(Delivery.status == DeliveryStatus.PENDING)


def webhook_states() -> Select[int, int, int]:
    """Count webhooks: all, switched off, and failing of those that are on."""
    is_off = _is_set(Webhook.disabled_at)
    is_failing = _is_set(Webhook.failing_since) & ~is_off
    return select(
        func.count(),
        func.count().filter(is_off),
        func.count().filter(is_failing),
    ).select_from(Webhook)


def workers(within: timedelta) -> Select[str, int, int]:
    """Count workers heard of lately by kind: kind, all, those with a problem."""
    problem = WorkerHeartbeat.info["problem"].astext
    is_troubled = problem.is_not(None) & (problem != "")
    return (
        select(WorkerHeartbeat.kind, func.count(), func.count().filter(is_troubled))
        .where(WorkerHeartbeat.seen_at > func.now() - within)
        .group_by(WorkerHeartbeat.kind)
    )


def stored_videos() -> Select[int, int | None]:
    """Count videos and the bytes of their files, as far as they are there."""
    its_parts = func.coalesce(Video.parts_bytes, 0)  # until they are joined
    total = func.sum(own_bytes() + its_parts)
    return select(func.count(), total).select_from(Video)


def _is_set(column: InstrumentedAttribute[object]) -> ColumnElement[bool]:
    return column.is_not(None)
