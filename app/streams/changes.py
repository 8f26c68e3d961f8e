"""What has changed since a look before: a few statements for all that is watched."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.annotations.tables import Annotation, ReviewedStretch
from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.jobs.tables import Job, JobStatus
from app.timelines.tables import ModelThresholds, VideoThresholds
from app.videos.tables import Video

# A job that was made or has ended longer ago was seen in a look before. Clocks of
# other machines may be off by so much, and transactions take so long at most.
RECENT = timedelta(seconds=60)
MAX_STEPS = 500  # of a video in one look; whoever missed more reads it anew
MAX_EVENTS = 500  # named of one step; null stands for more

_ALL_BUT_REVISION = "md5((to_jsonb(videos) - 'revision')::text)"


class JobState(NamedTuple):
    """What is told of a job; trainings and clips of several videos have no video."""

    id: UUID
    video_id: UUID | None
    project_id: UUID
    kind: str
    status: str
    stage: str | None
    progress: float
    eta_s: float | None
    error_code: str | None
    error_detail: str | None


class VideoState(NamedTuple):
    """What shows that a video has changed.

    Attributes:
        revision: goes up whenever somebody says something of the video.
        facts: a digest of its row, but for the revision.
        reviewed: a digest of the stretches that were reviewed; empty: none.
        thresholds: a digest of those saved for the video, and for its project's models.
    """

    revision: int
    facts: str
    reviewed: str
    thresholds: str


class Step(NamedTuple):
    """What one request of a person decided.

    Attributes:
        events: their ids; None: more than are told.
    """

    revision: int
    step_id: UUID
    author: str
    events: list[UUID] | None


class Steps(NamedTuple):
    """The latest steps of a video, the earliest of them first.

    Attributes:
        since: all that are later than this revision are there.
        steps: at most `MAX_STEPS`.
    """

    since: int
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look found.

    Attributes:
        jobs: those that run, were made or ended a moment ago, or ran at the last look.
        videos: of those watched, which are still there.
        steps: by video, those later than asked for.
    """

    jobs: Mapping[UUID, JobState] = field(default_factory=dict)
    videos: Mapping[UUID, VideoState] = field(default_factory=dict)
    steps: Mapping[UUID, Steps] = field(default_factory=dict)


def read_changes(
    sessions: Sessions, *, running: Collection[UUID], watched: Mapping[UUID, int]
) -> Snapshot:
    """Read what may have changed, all of it as of one moment.

    Args:
        sessions: that see all projects.
        running: jobs that ran at the last look.
        watched: videos, each with the revision up to which its steps are known.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    with sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        jobs = [JobState(*row) for row in session.execute(_jobs(running))]
        videos = read_videos(session, watched)
        steps = {
            video_id: _read_steps(session, video_id, known)
            for video_id, known in watched.items()
            if video_id in videos and videos[video_id].revision > known
        }
    return Snapshot({job.id: job for job in jobs}, videos, steps)


def read_videos(
    session: Session, video_ids: Collection[UUID]
) -> dict[UUID, VideoState]:
    """Read how videos stand; those that are gone are left out."""
    if not video_ids:
        return {}
    facts: Any = literal_column(_ALL_BUT_REVISION)
    rows = select(Video.id, Video.project_id, Video.revision, facts)
    stretch = func.concat(ReviewedStretch.from_ms, "-", ReviewedStretch.to_ms)
    reviewed = _digests(
        session, ReviewedStretch.video_id, stretch, ReviewedStretch.from_ms, video_ids
    )
    saved = _digests(session, *_saved(VideoThresholds.video_id), video_ids)
    found = session.execute(rows.where(Video.id.in_(video_ids))).all()
    projects = {project_id for _, project_id, _, _ in found}
    of_models = _digests(session, *_saved(ModelThresholds.project_id), projects)
    return {
        video_id: VideoState(
            revision,
            digest,
            reviewed.get(video_id, ""),
            f"{saved.get(video_id)} {of_models.get(project_id)}",
        )
        for video_id, project_id, revision, digest in found
    }


def _saved(owner: Any) -> tuple[Any, Any, Any]:
    """Name whose thresholds a table has, what is saved, and in which order."""
    table = owner.class_
    return owner, func.concat(table.weights, table.thresholds), table.weights


def _digests(
    session: Session, owner: Any, text: Any, order: Any, owners: Collection[UUID]
) -> dict[UUID, str]:
    """Digest what each owner has; those that have nothing are left out."""
    in_order: Any = aggregate_order_by(literal_column("','"), order)
    statement = (
        select(owner, func.md5(func.string_agg(text, in_order)))
        .where(owner.in_(owners))
        .group_by(owner)
    )
    return dict(session.execute(statement).all())


def _jobs(running: Collection[UUID]) -> Any:
    """Jobs that may have changed, each found by an index.

    Ends are told by the database's clock, ids by that of the API that made them.
    """
    project_id = func.coalesce(Video.project_id, Job.project_id)
    return (
        select(
            *(Job.id, Job.video_id, project_id, Job.kind, Job.status, Job.stage),
            *(Job.progress, Job.eta_s, Job.error_code, Job.error_detail),
        )
        .outerjoin(Video, Video.id == Job.video_id)
        .where(
            or_(
                Job.status == JobStatus.RUNNING,
                Job.id.in_(running),
                Job.id >= _first_id(utc_now().timestamp() - RECENT.total_seconds()),
                Job.finished_at >= func.now() - RECENT,
            )
        )
    )


def _read_steps(session: Session, video_id: UUID, after: int) -> Steps:
    statement = (
        select(
            *(Annotation.revision, Annotation.step_id, func.min(Annotation.author)),
            *(func.array_agg(Annotation.event_id), func.count()),
        )
        .where(Annotation.video_id == video_id, Annotation.revision > after)
        .group_by(Annotation.revision, Annotation.step_id)
        .order_by(Annotation.revision.desc())
        .limit(MAX_STEPS + 1)
    )
    rows = session.execute(statement).all()
    since = after if len(rows) <= MAX_STEPS else rows[-1][0]
    steps = [
        Step(revision, step_id, author, list(events) if count <= MAX_EVENTS else None)
        for revision, step_id, author, events, count in reversed(rows[:MAX_STEPS])
    ]
    return Steps(since, steps)


def _first_id(at_s: float) -> UUID:
    """Name the lowest uuid7 of a moment, in seconds since 1970."""
    return UUID(int=max(0, int(at_s * 1000)) << 80)
