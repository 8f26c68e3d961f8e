"""Analyses of many videos with one model; each is a job like any other.

Sent again, nothing is queued twice: what waits already, and what the model has
analysed, is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.core.errors import FileDropped, VideoNotStored
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job, JobStatus
from app.projects.problems import QueueQuotaReached
from app.projects.quotas import take_queue
from app.timelines.tables import SPOTTING, Analysis
from app.videos.queries import lock_video, lock_videos
from app.videos.service import stored_key
from app.videos.tables import Video

AT_ONCE = 100  # in a transaction

Why = Literal["not_found", "no_file", "waits", "analysed", "quota_reached"]


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """With what to analyse.

    Attributes:
        model: the name of its file.
        sha256: of its weights.
        spotting: how it makes events of scores, as JSON.
        priority: of the jobs.
    """

    model: str
    sha256: str | None
    spotting: object
    priority: int


@dataclass(slots=True)
class BulkResult:
    """What came of it: jobs with their videos, and the videos that got none."""

    jobs: list[tuple[UUID, UUID]] = field(default_factory=list)
    skipped: list[tuple[UUID, Why, str]] = field(default_factory=list)


def all_videos(session: Session) -> Sequence[UUID]:
    """List the videos of which there is a file, the newest first."""
    return session.scalars(
        select(Video.id)
        .where(Video.storage_key.is_not(None), Video.dropped_at.is_(None))
        .order_by(Video.id.desc())
    ).all()


def analyse_many(
    videos: Sequence[UUID], wanted: AnalysisRequest, *, sessions: Sessions
) -> BulkResult:
    """Queue an analysis of each video that needs one; notify workers afterwards."""
    done = BulkResult()
    for part in _parts(list(dict.fromkeys(videos))):
        with sessions.begin() as session:
            session.execute(lock_videos(part))
            waiting = _waiting(session, part, wanted.model)
            for video_id in part:
                _queue(session, video_id, wanted, waiting, done)
    return done


def _parts(videos: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [videos[at : at + AT_ONCE] for at in range(0, len(videos), AT_ONCE)]


def _waiting(session: Session, videos: Sequence[UUID], model: str) -> set[UUID | None]:
    """Tell for which videos an analysis by the model waits or is under way."""
    return set(
        session.scalars(
            select(Job.video_id).where(
                Job.video_id.in_(videos),
                Job.kind == JobKind.SPOT,
                Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)),
                Job.params["model"].astext == model,
            )
        )
    )


def _queue(
    session: Session,
    video_id: UUID,
    wanted: AnalysisRequest,
    waiting: set[UUID | None],
    done: BulkResult,
) -> None:
    # Locked, or a deletion meanwhile would leave the job without its video.
    if session.execute(lock_video(video_id)).one_or_none() is None:
        done.skipped.append((video_id, "not_found", "No video has that id."))
        return
    if video_id in waiting:
        why = "An analysis by this model waits already."
        done.skipped.append((video_id, "waits", why))
        return
    video = session.get_one(Video, video_id)
    try:
        stored_key(video)
    except (VideoNotStored, FileDropped) as exc:
        done.skipped.append((video_id, "no_file", exc.detail))
        return
    if _is_analysed(session, video, wanted):
        why = "The timeline that is shown is this model's already."
        done.skipped.append((video_id, "analysed", why))
        return
    try:
        take_queue(session, video.project_id, duration_s=video.duration_s)
    except QueueQuotaReached as exc:
        done.skipped.append((video_id, "quota_reached", exc.detail))
        return
    job = request(
        session,
        kind=JobKind.SPOT,
        video_id=video_id,
        params={"model": wanted.model},
        priority=wanted.priority,
    )
    done.jobs.append((video_id, job.id))


def _is_analysed(session: Session, video: Video, wanted: AnalysisRequest) -> bool:
    """Whether the timeline that is shown is just what the model would find."""
    if video.current_analysis_id is None or wanted.sha256 is None:
        return False
    shown = session.get(Analysis, video.current_analysis_id)
    if shown is None:
        return False
    ran = shown.checkpoint
    is_same = ran.get("sha256") == wanted.sha256 and ran.get("name") == wanted.model
    return is_same and ran.get(SPOTTING) == wanted.spotting
