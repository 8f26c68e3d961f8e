"""Proxies: copies of videos that every browser plays, asked for and shown."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Select, Update, select, update
from sqlalchemy.orm import Session

from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job
from app.videos.playability import OPEN
from app.videos.queries import lock_video
from app.videos.tables import Video
from model.video.playable import browser_type

PRIORITY = -1  # after the thumbnails of every video: it takes much longer


def ask_for_proxy(
    session: Session, video_id: UUID | None, facts: Mapping[str, object]
) -> bool:
    """Queue a proxy of a video that browsers cannot play, unless one was asked for.

    Call it with the facts as soon as they are known, as often as they are. The media
    worker finds the job by itself.

    Args:
        session: in a transaction.
        video_id: whose.
        facts: the values of a `model.video.probe.VideoFacts`, by name.

    Returns:
        Whether a job was queued.
    """
    # Locked, or a deletion meanwhile would leave the job without its video.
    if video_id is None or session.scalar(lock_video(video_id)) is None:
        return False
    named = select(Video.filename).where(Video.id == video_id)
    if browser_type(facts, filename=session.scalar(named)) is not None:
        return False
    if session.scalar(_jobs(video_id).limit(1)) is not None:
        return False
    request(
        session,
        kind=JobKind.PROXY,
        video_id=video_id,
        priority=PRIORITY,
    )
    return True


def open_job(video_id: UUID) -> Select[Job]:
    """Find the job that is about to make a video's proxy."""
    return _jobs(video_id).where(Job.status.in_(OPEN)).order_by(Job.id.desc()).limit(1)


def show_proxy(video_id: UUID, key: str) -> Update:
    """Let browsers be given this proxy; the one before is no longer named."""
    return (
        update(Video)
        .where(Video.id == video_id)
        .values(proxy_key=key)
        .execution_options(synchronize_session=False)
    )


def _jobs(video_id: UUID) -> Select[Job]:
    return select(Job).where(Job.video_id == video_id, Job.kind == JobKind.PROXY)
