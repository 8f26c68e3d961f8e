"""Jobs are asked for here: rows that wait in the queue."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db.base import new_id
from app.core.db.project_sessions import project_of
from app.core.tracing.context import current_traceparent
from app.jobs.kinds import JobKind
from app.jobs.needs import needs_of
from app.jobs.tables import Job, JobStatus
from app.videos.tables import Video

log = structlog.get_logger(__name__)


def request(
    session: Session,
    *,
    kind: JobKind,
    video_id: UUID | None,
    params: Mapping[str, object] | None = None,
    priority: int = 0,
    parent_id: UUID | None = None,
    job_id: UUID | None = None,
    batch_id: UUID | None = None,
) -> Job:
    """Queue a new job, in its video's project; notify its workers after the commit.

    When is told by the database's clock: how long it has waited is judged by that. It
    is later than all other jobs of its video: the latest one tells how that stands.
    """
    of_video = select(Video.project_id).where(Video.id == video_id).scalar_subquery()
    job = Job(
        id=job_id or new_id(),
        kind=kind,
        video_id=video_id,
        project_id=project_of(session) if video_id is None else of_video,
        parent_id=parent_id,
        batch_id=batch_id,
        params=dict(params or {}),
        priority=priority,
        needs=needs_of(kind),
        status=JobStatus.QUEUED,
        traceparent=current_traceparent(),
        created_at=_after_others(session, video_id),
    )
    session.add(job)
    session.flush()
    log.info(
        "job_requested",
        job=str(job.id),
        kind=str(kind),
        video=None if video_id is None else str(video_id),
    )
    return job


def _after_others(session: Session, video_id: UUID | None) -> datetime:
    latest = select(func.max(Job.created_at)).where(Job.video_id == video_id)
    asked = select(func.clock_timestamp(), latest.scalar_subquery())
    now: datetime
    now, found = session.execute(asked).one()
    if found is not None:
        now = max(now, found + timedelta(microseconds=1))
    return now.astimezone(UTC)
