"""Whether there is room for a video: on the disk, in the project's quotas, at all."""

from anyio.to_thread import run_sync

from app.core.db.project_sessions import project_of
from app.core.errors import StorageFull, VideoTooLarge
from app.core.resources import Resources
from app.projects.quotas import take_queue, take_stored


async def ensure_free_space(resources: Resources, coming_bytes: int) -> None:
    """Refuse what would leave the disk (and the database on it) without room."""
    free = await run_sync(
        resources.storage.free_bytes, limiter=resources.upload_threads
    )
    if free - coming_bytes < resources.settings.min_free_space:
        raise StorageFull(
            "The server's disk has no room for this upload; nothing was kept. "
            "Delete videos that are no longer needed, or try again later.",
            free_bytes=max(0, free - resources.settings.min_free_space),
        )


async def ensure_quotas(
    resources: Resources, coming_bytes: int, *, is_analysed: bool
) -> None:
    """Take a first look at the project's quotas, before bytes have come for nothing.

    Raises:
        StoredQuotaReached, QueueQuotaReached: the project may not have one more video.
    """

    def look() -> None:
        with resources.sessions() as session:
            project_id = project_of(session)
            take_stored(session, project_id, coming_bytes, lock=False)
            if is_analysed:
                take_queue(session, project_id, lock=False)

    await run_sync(look, limiter=resources.upload_threads)


def too_large(limit: int) -> VideoTooLarge:
    """Say that an upload passes the limit, in bytes."""
    return VideoTooLarge(
        f"The upload is larger than {limit / 2**20:,.6g} MiB, the most this service "
        "takes (TOUCHLINE_MAX_UPLOAD_SIZE).",
        limit_bytes=int(limit),
    )
