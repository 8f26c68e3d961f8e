"""Statements that keep the copies of timelines in step, built without a session."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Delete,
    Select,
    String,
    Uuid,
    and_,
    any_,
    cast,
    delete,
    extract,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.search.tables import SearchedCount, SearchedEvent, SearchedTimeline
from app.timelines.tables import ModelThresholds
from app.videos.tables import Video

# Before the tag of thresholds: copies of a release that made other ones are stale.
LAYOUT = "2:"


def stale_videos(*, limit: int) -> Select[UUID]:
    """List videos whose events are not searched as they are by now, the newest first.

    Those without events are never stale.
    """
    copied = SearchedTimeline
    tags = _tags().subquery("tags")
    is_there = or_(Video.current_analysis_id.is_not(None), Video.revision > 0)
    is_same = and_(
        copied.revision == Video.revision,
        copied.facts_version == Video.facts_version,
        copied.analysis_id.is_not_distinct_from(Video.current_analysis_id),
        copied.thresholds_tag == func.coalesce(tags.c.tag, LAYOUT),
    )
    return (
        select(Video.id)
        .outerjoin(copied, copied.video_id == Video.id)
        .outerjoin(tags, tags.c.project_id == Video.project_id)
        .where(is_there, or_(is_same.is_(None), ~is_same))
        .order_by(Video.id.desc())
        .limit(limit)
    )


def thresholds_tag(project_id: UUID) -> Select[str]:
    """Name the state of the thresholds that a project saved for models.

    Gives nothing where there are none: then it is `LAYOUT`.
    """
    tags = _tags().subquery("tags")
    return select(tags.c.tag).where(tags.c.project_id == project_id)


def copied_events(video_id: UUID) -> Select[*tuple[Any, ...]]:
    """Read the copies of a video's events, by column."""
    table = SearchedEvent.__table__
    return select(table).where(table.c.video_id == video_id)


def forget_events(video_id: UUID, event_ids: Collection[UUID]) -> Delete:
    """Take these events of a video out of the search."""
    return (
        delete(SearchedEvent)
        .where(
            SearchedEvent.video_id == video_id,
            # One parameter, however many there are.
            SearchedEvent.event_id == any_(literal(list(event_ids), ARRAY(Uuid()))),
        )
        .execution_options(synchronize_session=False)
    )


def forget_counts(video_id: UUID) -> Delete:
    """Take away how many events a video has of each kind."""
    return (
        delete(SearchedCount)
        .where(SearchedCount.video_id == video_id)
        .execution_options(synchronize_session=False)
    )


def _tags() -> Select[UUID, str]:
    """Name the state of each project's thresholds: one that changes changes the whole.

    It tells when each model's were saved.
    """
    saved = ModelThresholds.__table__.c
    moment = cast(extract("epoch", saved.saved_at), String)
    comma = aggregate_order_by(literal(","), saved.weights)
    tag: ColumnElement[str] = literal(LAYOUT) + func.md5(func.string_agg(moment, comma))
    return select(saved.project_id, tag.label("tag")).group_by(saved.project_id)
