"""Statements about analyses and events, built without a session."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, Update, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import aliased

from app.timelines.tables import (
    SPOTTING,
    Analysis,
    Event,
    ModelThresholds,
    VideoThresholds,
)
from app.videos.tables import Video


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a timeline are asked for; None and () mean all."""

    labels: Sequence[str] = ()
    teams: Sequence[str] = ()
    min_score: float | None = None
    from_ms: int | None = None  # included
    to_ms: int | None = None  # included
    is_descending: bool = False


def events_of(
    video_id: UUID,
    analysis_id: UUID,
    wanted: EventFilter,
    *,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Select[int, int, int, str, float, str | None, bool]:
    """Events of one analysis by time; `after`: the (time_ms, seq) of the last one.

    Plain columns, which a list of hundreds is read from in a third of the time that
    whole rows take.
    """
    conditions = [Event.video_id == video_id, Event.analysis_id == analysis_id]
    if wanted.labels:
        conditions.append(Event.label.in_(wanted.labels))
    if wanted.teams:
        conditions.append(Event.team.in_(wanted.teams))
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
        Event.seq,
        Event.time_ms,
        Event.frame,
        Event.label,
        Event.score,
        Event.team,
        Event.is_provisional,
    )
    return select(*columns).where(*conditions).order_by(*order).limit(limit)


def analysis_of(job_id: UUID) -> Select[Analysis]:
    """What a job found."""
    return select(Analysis).where(Analysis.job_id == job_id)


def analyses_of(video_ids: Collection[UUID]) -> Select[Analysis]:
    """List all analyses of some videos, also those that are shown no more."""
    return select(Analysis).where(Analysis.video_id.in_(video_ids))


def show_analysis(analysis: Analysis) -> Update:
    """Show an analysis, unless one that was asked for later is shown already."""
    shown = aliased(Analysis)
    is_older = exists().where(
        shown.id == Video.current_analysis_id,
        tuple_(shown.requested_at, shown.id)
        > tuple_(analysis.requested_at, analysis.id),
    )
    return (
        update(Video)
        .where(Video.id == analysis.video_id, ~is_older)
        .values(current_analysis_id=analysis.id)
        .execution_options(synchronize_session=False)
    )


def named_scores(keys: Collection[str]) -> Select[str | None]:
    """List which of these score files an analysis names."""
    return select(Analysis.scores_key).where(Analysis.scores_key.in_(keys))


def without_options() -> Select[Analysis]:
    """List analyses that were stored without their spotting options, and hold them."""
    has_options = Analysis.checkpoint.has_key(SPOTTING)
    return select(Analysis).where(~has_options).with_for_update(skip_locked=True)


def thresholds_of_model(video_id: UUID, weights: str) -> Select[ModelThresholds]:
    """Find what the project of a video saved for weights."""
    videos = Video.__table__.c
    project = select(videos.project_id).where(videos.id == video_id)
    return select(ModelThresholds).where(
        ModelThresholds.project_id == project.scalar_subquery(),
        ModelThresholds.weights == weights,
    )


def upsert_thresholds(
    table: type[VideoThresholds | ModelThresholds],
    place: Mapping[str, object],
    thresholds: Mapping[str, float],
    author: str,
) -> Insert:
    """Save thresholds at a place, the row's key, over what is there."""
    row = {
        "thresholds": dict(thresholds),
        "saved_by": author,
        "saved_at": func.now(),
    }
    statement = insert(table).values(**place, **row)
    return statement.on_conflict_do_update(index_elements=list(place), set_=row)
