"""Statements about what is due to go, built without a session."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    String,
    and_,
    cast,
    delete,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import aliased

from app.annotations.tables import ReviewedStretch
from app.clips.tables import Clip
from app.comparisons.tables import Comparison
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.live.tables import LiveSegment
from app.reports.tables import Report
from app.retention.tables import RetentionRules
from app.trainings.options import REVIEWED
from app.trainings.tables import Training
from app.videos.queries import own_bytes
from app.videos.tables import Video

UNDER_WAY = (JobStatus.QUEUED, JobStatus.RUNNING)


def all_rules() -> Select[RetentionRules]:
    """List the rules of all projects that have some."""
    return select(RetentionRules)


def save_rules(project_id: UUID, rules: Mapping[str, object], author: str) -> Insert:
    """Save a project's rules over those there are."""
    values = {**rules, "updated_by": author, "updated_at": func.now()}
    statement = insert(RetentionRules).values(project_id=project_id, **values)
    return statement.on_conflict_do_update(index_elements=["project_id"], set_=values)


def older_videos(
    project_id: UUID, *, days: int, limit: int, with_file: bool
) -> Select[Video]:
    """List a project's videos of that many days ago and before, the oldest first.

    One with a job under way waits for its end.

    Args:
        with_file: only those whose footage is there.
    """
    found = _idle(project_id).where(
        Video.created_at < func.now() - text(f"interval '{int(days)} days'")
    )
    if with_file:
        found = found.where(_has_footage())
    return found.order_by(Video.created_at, Video.id).limit(limit)


def videos_beyond(project_id: UUID, *, stored_bytes: int, limit: int) -> Select[Video]:
    """List the oldest videos whose files do not fit beside the newer ones."""
    newest_first = (Video.created_at.desc(), Video.id.desc())
    sizes = (
        select(
            Video.id,
            _footage_bytes().label("own"),
            func.sum(_footage_bytes()).over(order_by=newest_first).label("total"),
        )
        .where(Video.project_id == project_id, _has_footage())
        .subquery()
    )
    return (
        _idle(project_id)
        .join(sizes, sizes.c.id == Video.id)
        .where(sizes.c.total > stored_bytes, sizes.c.own > 0)
        .order_by(Video.created_at, Video.id)
        .limit(limit)
    )


def segments_of(video_id: UUID) -> Delete:
    """Delete what was recorded of a live stream; one that was canceled keeps that."""
    return delete(LiveSegment).where(LiveSegment.video_id == video_id)


def clips_of(video_id: UUID) -> Delete:
    """Delete what was cut of a video."""
    return delete(Clip).where(Clip.video_id == video_id)


def reports_of(video_id: UUID) -> Delete:
    """Delete the reports of a video: they hold stills of it."""
    return delete(Report).where(Report.video_id == video_id)


def _idle(project_id: UUID) -> Select[Video]:
    return (
        select(Video)
        .where(Video.project_id == project_id, ~_is_worked_on())
        .with_for_update(of=Video, skip_locked=True)
    )


def _has_footage() -> ColumnElement[bool]:
    """Whether a video's file is there, or what was to become it."""
    return or_(Video.storage_key.is_not(None), Video.parts_bytes.is_not(None))


def _footage_bytes() -> ColumnElement[int]:
    return own_bytes() + func.coalesce(Video.parts_bytes, 0)


def _is_worked_on() -> ColumnElement[bool]:
    """Whether a job of the video has not ended, or one that needs it among others."""
    job = select(Job.id).where(Job.video_id == Video.id, Job.status.in_(UNDER_WAY))
    its_id = cast(Video.id, String)
    named = func.jsonb_build_array(func.jsonb_build_object("video_id", its_id))
    clip = (
        select(Clip.id)
        .join(Job, Job.id == Clip.job_id)
        .where(Clip.video_id.is_(None), Job.status.in_(UNDER_WAY))
        .where(Clip.cuts.op("@>")(named))
    )
    joined = aliased(Video)
    join = (
        select(Job.id)
        .join(joined, joined.id == Job.video_id)
        .where(Job.kind == JobKind.JOIN, Job.status.in_(UNDER_WAY))
        .where(joined.parts.op("@>")(func.jsonb_build_object("files", named)))
    )
    compared = (
        select(Job.id)
        .join(Comparison, Comparison.job_id == Job.id)
        .where(Job.status.in_(UNDER_WAY), Comparison.holdout.op("@>")(named))
    )
    needing = (job, clip, join, compared, _training_with_it())
    return or_(*(one.exists() for one in needing))


def _training_with_it() -> Select[UUID]:
    """Find the trainings under way that learn from a video, or are judged by it."""
    its_id = cast(Video.id, String)
    is_reviewed = Video.id.in_(select(ReviewedStretch.video_id))
    learns = or_(
        Training.options["videos"].has_key(its_id),
        and_(Training.options["videos"].astext == REVIEWED, is_reviewed),
    )
    return (
        select(Job.id)
        .join(Training, Training.job_id == Job.id)
        .where(
            Job.status.in_(UNDER_WAY),
            Training.project_id == Video.project_id,
            or_(learns, Training.options["holdout"]["videos"].has_key(its_id)),
        )
    )
