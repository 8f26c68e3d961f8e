"""Statements of the API, built without a session; the workers' stand in job_queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import aliased, selectinload

from app.core.db.models import (
    Delivery,
    Event,
    Job,
    Video,
    WorkerBeat,
)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a timeline are asked for; None and () mean all."""

    labels: Sequence[str] = ()
    min_score: float | None = None
    from_ms: int | None = None  # included
    to_ms: int | None = None  # included
    is_descending: bool = False


@cache
def videos_with_jobs() -> Select[Video, Job, Job]:
    """Each video, its latest job, and (or null) the job whose timeline is shown.

    Made once: SQLAlchemy compiles a statement with new aliases anew for every request.
    """
    latest_row = (
        select(Job)
        .where(Job.video_id == Video.id)
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(1)
        .lateral("latest")
    )
    latest, shown = aliased(Job, latest_row), aliased(Job, name="shown")
    return (
        select(Video, latest, shown)
        .join(latest_row, latest_row.c.video_id == Video.id)
        .outerjoin(shown, shown.id == Video.current_job_id)
    )


def videos_page(*, before: UUID | None, limit: int) -> Select[Video, Job, Job]:
    """A page of videos, the newest first; one row more tells that there is a next."""
    statement = videos_with_jobs().order_by(Video.id.desc()).limit(limit + 1)
    return statement if before is None else statement.where(Video.id < before)


def video_with_jobs(video_id: UUID | None) -> Select[Video, Job, Job]:
    """One video with its latest and its shown job."""
    return videos_with_jobs().where(Video.id == video_id)


def lock_video(video_id: UUID) -> Select[UUID]:
    """Hold a video against its deletion until the transaction ends; no row: gone."""
    return select(Video.id).where(Video.id == video_id).with_for_update(key_share=True)


def jobs_page(video_id: UUID, *, before: UUID | None, limit: int) -> Select[Job]:
    """A page of a video's jobs, the newest first; one row more than `limit`."""
    statement = select(Job).where(Job.video_id == video_id)
    if before is not None:
        statement = statement.where(Job.id < before)
    return statement.order_by(Job.id.desc()).limit(limit + 1)


def events_of(
    video_id: UUID,
    job_id: UUID,
    wanted: EventFilter,
    *,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Select[UUID, int, int, int, str, float]:
    """Events of one job by time; `after` is the (time_ms, seq) of the last one seen.

    Plain columns, which a list of hundreds is read from in a third of the time that
    whole rows take.
    """
    conditions = [Event.video_id == video_id, Event.job_id == job_id]
    if wanted.labels:
        conditions.append(Event.label.in_(wanted.labels))
    if wanted.min_score is not None:
        conditions.append(Event.score >= wanted.min_score)
    if wanted.from_ms is not None:
        conditions.append(Event.time_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        conditions.append(Event.time_ms <= wanted.to_ms)
    place = tuple_(Event.time_ms, Event.seq)
    if after is not None:
        conditions.append(place < after if wanted.is_descending else place > after)
    order = (
        (Event.time_ms.desc(), Event.seq.desc())
        if wanted.is_descending
        else (Event.time_ms, Event.seq)
    )
    columns = (
        Event.job_id,
        Event.seq,
        Event.time_ms,
        Event.frame,
        Event.label,
        Event.score,
    )
    return select(*columns).where(*conditions).order_by(*order).limit(limit)


def deliveries_page(
    video_id: UUID, *, before: UUID | None, limit: int
) -> Select[Delivery]:
    """A page of a video's webhook messages with their attempts, the newest first."""
    statement = (
        select(Delivery)
        .where(Delivery.video_id == video_id)
        .options(selectinload(Delivery.attempts))
    )
    if before is not None:
        statement = statement.where(Delivery.id < before)
    return statement.order_by(Delivery.id.desc()).limit(limit + 1)


def delivery_with_attempts(delivery_id: UUID) -> Select[Delivery]:
    """One webhook message with its attempts."""
    return (
        select(Delivery)
        .where(Delivery.id == delivery_id)
        .options(selectinload(Delivery.attempts))
    )


def living_workers(kind: str, *, within: timedelta) -> Select[WorkerBeat]:
    """The workers of a kind that beat lately, by the database's clock."""
    return (
        select(WorkerBeat)
        .where(WorkerBeat.kind == kind, WorkerBeat.seen_at > func.now() - within)
        .order_by(WorkerBeat.name)
    )


def latest_job_of(video_id: UUID) -> Select[Job]:
    """A video's latest job."""
    return jobs_page(video_id, before=None, limit=0)
