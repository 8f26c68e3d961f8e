"""Statements about what people said of events, built without a session."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Select, delete, func, select

from app.annotations.tables import Annotation, Decision
from app.timelines.tables import Event
from app.videos.tables import Video


def lock_for_edit(video_id: UUID) -> Select[Video]:
    """Hold a video's row: one step at a time; no row: it is gone."""
    return (
        select(Video)
        .where(Video.id == video_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def decisions_of(video_id: UUID) -> Select[Any]:
    """List what was decided of a video's events, in no order.

    Plain columns, which thousands are read from in a third of the time that whole
    rows take.
    """
    columns = (getattr(Decision, column.key) for column in Decision.__table__.columns)
    return select(*columns).where(Decision.video_id == video_id)


def decisions_on(video_id: UUID, event_ids: Collection[UUID]) -> Select[Any]:
    """List what was decided of these events."""
    return decisions_of(video_id).where(Decision.event_id.in_(event_ids))


def touched_since(video_id: UUID, revision: int) -> Select[UUID]:
    """List the events that steps after a revision changed."""
    return (
        select(Annotation.event_id)
        .where(Annotation.video_id == video_id, Annotation.revision > revision)
        .distinct()
    )


def forget_decisions(video_id: UUID, event_ids: Collection[UUID]) -> Delete:
    """Take these decisions out of the projection; the log keeps them."""
    return (
        delete(Decision)
        .where(Decision.video_id == video_id, Decision.event_id.in_(event_ids))
        .execution_options(synchronize_session=False)
    )


def history_of(
    video_id: UUID, event_id: UUID, *, after: int = 0, limit: int | None = None
) -> Select[Annotation]:
    """List what was done to an event by steps after a revision, the oldest first."""
    return (
        select(Annotation)
        .where(
            Annotation.video_id == video_id,
            Annotation.event_id == event_id,
            Annotation.revision > after,
        )
        .order_by(Annotation.revision)
        .limit(limit)
    )


def log_of(video_id: UUID) -> Select[Annotation]:
    """List all that was done to a video's events, the oldest first."""
    return (
        select(Annotation)
        .where(Annotation.video_id == video_id)
        .order_by(Annotation.revision, Annotation.id)
    )


def people_of(video_id: UUID) -> Select[str]:
    """Name who has changed anything about a video's events."""
    return select(Annotation.author).where(Annotation.video_id == video_id).distinct()


def steps_of(video_id: UUID, author: str) -> Select[UUID, UUID | None]:
    """List an author's steps, the oldest first, each with the one it reverts."""
    return (
        select(Annotation.step_id, Annotation.reverts)
        .where(Annotation.video_id == video_id, Annotation.author == author)
        .group_by(Annotation.step_id, Annotation.reverts)
        .order_by(func.min(Annotation.revision))
    )


def rows_of_step(video_id: UUID, step_id: UUID) -> Select[Annotation]:
    """List what a step did."""
    return (
        select(Annotation)
        .where(Annotation.video_id == video_id, Annotation.step_id == step_id)
        .order_by(Annotation.id)
    )


def step_that_added(video_id: UUID, event_id: UUID) -> Select[UUID]:
    """Find the step in which a person added an event."""
    return (
        select(Annotation.step_id)
        .where(
            Annotation.video_id == video_id,
            Annotation.event_id == event_id,
            Annotation.action == "add",
        )
        .order_by(Annotation.id)
        .limit(1)
    )


def event_rows(video_id: UUID) -> Select[UUID, int, int, str, float, str | None]:
    """List what every analysis of a video found, the newest first."""
    columns = (Event.analysis_id, Event.time_ms, Event.frame, Event.label)
    return (
        select(*columns, Event.score, Event.team)
        .where(Event.video_id == video_id)
        .order_by(Event.analysis_id.desc())
    )


def single_steps(video_id: UUID, *, limit: int = 500) -> Select[str, datetime]:
    """List who decided a single event and when, the newest first; no undo, no batch."""
    at = func.min(Annotation.created_at)
    return (
        select(func.min(Annotation.author), at)
        .where(Annotation.video_id == video_id, Annotation.reverts.is_(None))
        .group_by(Annotation.step_id)
        .having(func.count() == 1)
        .order_by(at.desc())
        .limit(limit)
    )
