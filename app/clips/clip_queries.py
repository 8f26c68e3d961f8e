"""Statements about clips, built without a session."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Delete, Select, Update, Uuid, delete, func, select, update

from app.clips.tables import Clip, StoredCut
from app.jobs.tables import Job
from app.videos.tables import Video


def clip_with_job(clip_id: UUID) -> Select[Clip, Job | None]:
    """One clip with the job that renders it, if it has one."""
    return _clips().where(Clip.id == clip_id)


def clips_page(
    video_id: UUID | None, *, before: UUID | None, limit: int
) -> Select[Clip, Job | None]:
    """A page of a video's clips, or of all, the newest first; one more than `limit`."""
    statement = _clips()
    if video_id is not None:
        statement = statement.where(Clip.video_id == video_id)
    if before is not None:
        statement = statement.where(Clip.id < before)
    return statement.order_by(Clip.id.desc()).limit(limit + 1)


def show_file(
    clip_id: UUID,
    key: str,
    *,
    size_bytes: int,
    facts: Mapping[str, object],
    cuts: Sequence[StoredCut],
) -> Update:
    """Let a clip have its file, and the cuts that are in it."""
    return (
        update(Clip)
        .where(Clip.id == clip_id)
        .values(file_key=key, size_bytes=size_bytes, file=dict(facts), cuts=list(cuts))
        .execution_options(synchronize_session=False)
    )


def delete_clip(clip_id: UUID) -> Delete:
    """Delete a clip's row."""
    return delete(Clip).where(Clip.id == clip_id)


def clips_that_show_what_is_gone(*, limit: int) -> Select[UUID]:
    """List clips of several matches of which one is deleted, or without its footage."""
    its = func.jsonb_array_elements(Clip.cuts).table_valued("value").alias("cut")
    its_video = its.c.value.op("->>")("video_id").cast(Uuid)
    is_there = (
        select(Video.id)
        .where(Video.id == its_video, Video.dropped_at.is_(None))
        .exists()
    )
    shows_what_is_gone = select(1).select_from(its).where(~is_there).exists()
    return (
        select(Clip.id)
        .where(Clip.video_id.is_(None), shows_what_is_gone)
        .order_by(Clip.id)
        .limit(limit)
    )


def files_of(keys: Collection[str]) -> Select[str | None]:
    """Those of some files that a clip names."""
    return select(Clip.file_key).where(Clip.file_key.in_(keys))


def _clips() -> Select[Clip, Job | None]:
    return select(Clip, Job).outerjoin(Job, Job.id == Clip.job_id)
