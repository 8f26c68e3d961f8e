"""Statements about live streams, built without a session."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, Update, exists, func, select, update

from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.live.tables import LiveChange, LiveGap, LiveSegment, LiveStream
from app.timelines.tables import Analysis
from app.videos.tables import Video

OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)
CHANNEL = "touchline_live"  # on which Postgres tells that a stream has news
MAX_GAPS = 500
MAX_CHANGES = 1000  # read at once


def stream_with_job(video_id: UUID) -> Select[LiveStream, Video, Job]:
    """One stream with its video and job."""
    return _streams().where(LiveStream.video_id == video_id)


def streams_page(
    *, before: UUID | None, limit: int, only_open: bool
) -> Select[LiveStream, Video, Job]:
    """A page of streams, the newest first; one row more than `limit`."""
    statement = _streams()
    if before is not None:
        statement = statement.where(LiveStream.video_id < before)
    if only_open:
        statement = statement.where(Job.status.in_(OPEN))
    return statement.order_by(LiveStream.video_id.desc()).limit(limit + 1)


def count_open() -> Select[int]:
    """Count the open streams of all projects, whoever asks."""
    jobs = Job.__table__.c  # no entity: of all projects
    return select(func.count()).where(jobs.kind == JobKind.LIVE, jobs.status.in_(OPEN))


def open_of_title(title: str) -> Select[UUID]:
    """Find an open stream by the title of its video."""
    return (
        select(LiveStream.video_id)
        .join(Video, Video.id == LiveStream.video_id)
        .join(Job, Job.id == LiveStream.job_id)
        .where(Video.title == title, Job.status.in_(OPEN))
        .limit(1)
    )


def held_stream(video_id: UUID, job_id: UUID, token: UUID) -> Update:
    """Update a stream only while the lease `token` holds its job; add values."""
    holds = exists().where(
        Job.id == job_id, Job.lease_token == token, Job.status == JobStatus.RUNNING
    )
    return (
        update(LiveStream)
        .where(LiveStream.video_id == video_id, holds)
        .execution_options(synchronize_session=False)
    )


def changes_after(video_id: UUID, number: int) -> Select[LiveChange]:
    """List what changed after a change, in order; `MAX_CHANGES` at the most."""
    return (
        select(LiveChange)
        .where(LiveChange.video_id == video_id, LiveChange.number > number)
        .order_by(LiveChange.number)
        .limit(MAX_CHANGES)
    )


def final_after(video_id: UUID, number: int, *, limit: int) -> Select[LiveChange]:
    """List what became final after a change, in order."""
    return (
        changes_after(video_id, number).where(LiveChange.kind == "final").limit(limit)
    )


def latest_gaps(video_id: UUID) -> Select[LiveGap]:
    """List the latest gaps, the last one first."""
    return (
        select(LiveGap)
        .where(LiveGap.video_id == video_id)
        .order_by(LiveGap.number.desc())
        .limit(MAX_GAPS)
    )


def gaps_after(video_id: UUID, number: int) -> Select[LiveGap]:
    """List the gaps after one, in order."""
    return (
        select(LiveGap)
        .where(LiveGap.video_id == video_id, LiveGap.number > number)
        .order_by(LiveGap.number)
        .limit(MAX_GAPS)
    )


def segments_of(video_id: UUID) -> Select[LiveSegment]:
    """List the segments of a recording, in order."""
    return (
        select(LiveSegment)
        .where(LiveSegment.video_id == video_id)
        .order_by(LiveSegment.number)
    )


def note_version(analysis_id: UUID, counts: dict[str, int], by: int) -> Update:
    """Say that the events of an analysis have changed."""
    return (
        update(Analysis)
        .where(Analysis.id == analysis_id)
        .values(version=Analysis.version + by, event_counts=counts)
        .execution_options(synchronize_session=False)
    )


def ended_before(age: timedelta) -> Select[UUID]:
    """List streams whose recording became the video's file so long ago."""
    return (
        select(LiveStream.video_id)
        .join(Video, Video.id == LiveStream.video_id)
        .where(Video.storage_key.is_not(None), LiveStream.ended_at < func.now() - age)
    )


def _streams() -> Select[LiveStream, Video, Job]:
    return (
        select(LiveStream, Video, Job)
        .join(Video, Video.id == LiveStream.video_id)
        .join(Job, Job.id == LiveStream.job_id)
    )
