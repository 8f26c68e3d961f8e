"""Statements about uploads that may be resumed, built without a session."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, Update, delete, func, select, update
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from app.uploads.tables import ResumableUpload


def touch_upload(upload_id: UUID, *, expiry: timedelta) -> ReturningUpdate[datetime]:
    """Put its expiry off, and give the time that the database has; no row: gone."""
    return (
        _update(upload_id)
        .values(expires_at=func.now() + expiry)
        .returning(func.now().label("now"))
    )


def ask_for_upload(upload_id: UUID) -> Update:
    """Ask the request that sends bytes of an upload to end, if none come any more."""
    return _update(upload_id).values(asked_for_at=func.now())


def note_unchecked(upload_id: UUID, offset: int | None) -> Update:
    """Note that bytes from a place on do not count yet; None: all count."""
    return _update(upload_id).values(unchecked_from=offset)


def note_video(upload_id: UUID, video_id: UUID) -> ReturningUpdate[UUID]:
    """Note what an upload became; no row: it is gone, or became something before."""
    return (
        _update(upload_id)
        .where(ResumableUpload.video_id.is_(None))
        .values(video_id=video_id)
        .returning(ResumableUpload.id)
    )


def count_unfinished() -> Select[int]:
    """Count the uploads that have not become a video."""
    return (
        select(func.count())
        .select_from(ResumableUpload)
        .where(ResumableUpload.video_id.is_(None))
    )


def delete_upload(upload_id: UUID) -> ReturningDelete[UUID]:
    """Forget an upload; gives its id if it was there."""
    return (
        delete(ResumableUpload)
        .where(ResumableUpload.id == upload_id)
        .returning(ResumableUpload.id)
    )


def expired_uploads(*, limit: int) -> Select[UUID]:
    """Lock uploads that nobody touched for too long, but those that others hold."""
    return (
        select(ResumableUpload.id)
        .where(ResumableUpload.expires_at < func.now())
        .order_by(ResumableUpload.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def unfinished_uploads(*, limit: int) -> Select[ResumableUpload]:
    """List uploads that have not become a video, the oldest first."""
    return (
        select(ResumableUpload)
        .where(ResumableUpload.video_id.is_(None))
        .order_by(ResumableUpload.id)
        .limit(limit)
    )


def _update(upload_id: UUID) -> Update:
    return (
        update(ResumableUpload)
        .where(ResumableUpload.id == upload_id)
        .execution_options(synchronize_session=False)
    )
