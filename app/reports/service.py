"""Reports of matches: asked for, found, deleted; in transactions given to it."""

from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.db.base import new_id, utc_now
from app.core.errors import JobIsFinished
from app.core.settings import Settings
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.reports.content import ReportOptions
from app.reports.problems import ReportNotFound
from app.reports.queries import delete_report, report_with_job
from app.reports.tables import Report
from app.videos.queries import lock_video
from app.videos.service import find_video, stored_key, video_not_found


def add_report(
    session: Session,
    video_id: UUID,
    content: Mapping[str, object],
    options: ReportOptions,
) -> tuple[Report, Job]:
    """Keep what is asked for, and queue its job.

    Args:
        content: see `app.reports.stored`.

    Raises:
        VideoNotFound: the video has been deleted meanwhile.
        VideoNotStored: its file is not here yet.
    """
    # Locked, or a deletion meanwhile would leave the job without its video.
    if session.execute(lock_video(video_id)).one_or_none() is None:
        raise video_not_found(video_id)
    stored_key(find_video(session, video_id))
    report_id, now = new_id(), utc_now()
    job = request(
        session,
        kind=JobKind.REPORT,
        video_id=video_id,
        params={"report_id": str(report_id)},
    )
    report = Report(
        id=report_id,
        video_id=video_id,
        job_id=job.id,
        options={**asdict(options), "key_types": list(options.key_types)},
        content=dict(content),
        created_at=now,
    )
    session.add(report)
    session.flush()
    return report, job


def find_report(session: Session, report_id: UUID) -> tuple[Report, Job]:
    """Load a report with its job.

    Raises:
        ReportNotFound: no report has that id.
    """
    found = session.execute(report_with_job(report_id)).one_or_none()
    if found is None:
        raise report_not_found(report_id)
    return found[0], found[1]


def report_not_found(report_id: UUID) -> ReportNotFound:
    """Say that a report is not there."""
    return ReportNotFound(f"No report has the id {report_id}.")


def remove_report(
    session: Session, report_id: UUID, *, settings: Settings
) -> str | None:
    """Delete a report's row, and cancel its job if that has not ended.

    Returns:
        The key of its file, to be deleted once this is committed; None: it has none.

    Raises:
        ReportNotFound: no report has that id.
    """
    report, job = find_report(session, report_id)
    if not JobStatus(job.status).is_final:
        try:
            cancel(session, job.id, settings=settings)
        except JobIsFinished:  # meanwhile; the row tells of its file now
            session.refresh(report)
    session.execute(delete_report(report_id))
    return report.file_key
