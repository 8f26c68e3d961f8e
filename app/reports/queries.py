"""Statements about reports, built without a session."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Delete, Select, Update, delete, select, update

from app.jobs.tables import Job
from app.reports.tables import Report


def report_with_job(report_id: UUID) -> Select[Report, Job]:
    """One report with the job that makes it."""
    return _reports().where(Report.id == report_id)


def reports_page(
    video_id: UUID, *, before: UUID | None, limit: int
) -> Select[Report, Job]:
    """A page of a video's reports, the newest first; one row more than `limit`."""
    statement = _reports().where(Report.video_id == video_id)
    if before is not None:
        statement = statement.where(Report.id < before)
    return statement.order_by(Report.id.desc()).limit(limit + 1)


def show_file(report_id: UUID, key: str, *, size_bytes: int) -> Update:
    """Let a report have its file; what it was made of is needed no longer."""
    return (
        update(Report)
        .where(Report.id == report_id)
        .values(file_key=key, size_bytes=size_bytes, content={})
        .execution_options(synchronize_session=False)
    )


def delete_report(report_id: UUID) -> Delete:
    """Delete a report's row."""
    return delete(Report).where(Report.id == report_id)


def files_of(keys: Collection[str]) -> Select[str | None]:
    """Those of some files that a report names."""
    return select(Report.file_key).where(Report.file_key.in_(keys))


def _reports() -> Select[Report, Job]:
    return select(Report, Job).join(Job, Job.id == Report.job_id)
