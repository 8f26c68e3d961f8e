"""A job in segments: jobs that score a part of its video each, and that it waits for.

    running ── split ──> queued, not claimable ── its last segment ends ──> queued

Segments are children of the kind `spot_segment`. Claimed again, the job joins what they
stored, or does all by itself if one of them failed or was canceled. They end with it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from app.core.settings import Settings
from app.jobs.attempts import Held, Settled
from app.jobs.kinds import JobKind
from app.jobs.locking import lock_held_job
from app.jobs.needs import needs_of
from app.jobs.requests import request
from app.jobs.segment_queries import segments_of, show_progress_of_segments
from app.jobs.settling import end_canceled, requeue
from app.jobs.tables import Job

STAGE = "spot"  # what a job does while its segments are scored

log = structlog.get_logger(__name__)


def split(
    session: Session,
    held: Held,
    segments: Sequence[Mapping[str, object]],
    *,
    settings: Settings,
) -> Settled:
    """Queue segments of a job, and put it back until they have ended.

    One whose cancel was accepted ends instead. Notify workers of the segments
    afterwards.

    Args:
        segments: the parameters of each.

    Raises:
        LeaseLost: the job is no longer ours; nothing is written.
    """
    job, video = lock_held_job(session, held)
    if job.cancel_requested:
        return end_canceled(session, job, video, settings=settings)
    for number, params in enumerate(segments, 1):
        _add(session, job, params, number)
    log.info("job_split", job=str(job.id), segments=len(segments))
    job.attempt = max(job.attempt - 1, 0)
    # A release that knows no segments would run it meanwhile.
    needed = needs_of(JobKind.SPOT_SEGMENT)
    job.needs = [*job.needs, *(one for one in needed if one not in job.needs)]
    settled = requeue(job)
    job.stage = STAGE
    return settled


def _add(session: Session, job: Job, params: Mapping[str, object], number: int) -> None:
    # In the queue they stand where their job stood, not behind what came since.
    made = request(
        session,
        kind=JobKind.SPOT_SEGMENT,
        video_id=job.video_id,
        params=params,
        priority=job.priority,
        parent_id=job.id,
        batch_id=job.batch_id,
    )
    made.created_at = job.created_at + timedelta(microseconds=number)
    made.created_by, made.traceparent = job.created_by, job.traceparent


def list_segments(session: Session, job_id: UUID) -> list[Job]:
    """List the segments of a job in order of time; none if it was not split."""
    return list(session.scalars(segments_of(job_id)))


def show_progress(session: Session, segment_id: UUID) -> None:
    """Let the job that waits for a segment show how far all of them are."""
    session.execute(show_progress_of_segments(segment_id))
