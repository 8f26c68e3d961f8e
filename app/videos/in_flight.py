"""Uploads in flight, as rows that outlive a killed process.

A row is written before the first byte and deleted by the transaction that records the
video. Whoever deletes it first decides what becomes of the bytes: a sweep that gave an
upload up has deleted it, and the upload then records nothing.
"""

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID

import anyio
import structlog
from anyio.to_thread import run_sync
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.core.errors import UploadBroken
from app.core.process_identity import ProcessIdentity
from app.core.resources import Resources
from app.core.storage.keys import video_prefix
from app.videos.queries import add_pending_deletion
from app.videos.service import delete_objects
from app.videos.tables import Upload, Video

TOUCH_EVERY_S = 20.0
SILENT = timedelta(hours=1)  # time to write what came, however slow the disk
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0  # before a drop is tried again
BATCH = 200  # uploads given up at once; the next sweep goes on

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class UploadInFlight:
    """An upload whose video is not recorded yet.

    Attributes:
        is_stored: its object may be in place.
        is_settled: it is recorded, or dropped, by whoever set this.
    """

    video_id: UUID
    resources: Resources
    is_stored: bool = False
    is_settled: bool = False
    touched_at_s: float = field(default_factory=time.monotonic)

    async def touch(self) -> None:
        """Say, now and then, that the upload still goes on.

        Raises:
            UploadBroken: it was silent so long that it was given up.
        """
        if time.monotonic() - self.touched_at_s < TOUCH_EVERY_S:
            return
        self.touched_at_s = time.monotonic()
        await run_sync(self._touch, limiter=self.resources.upload_threads)

    def close(self, session: Session) -> None:
        """End it in the transaction that records the video.

        Raises:
            UploadBroken: it was given up before.
        """
        if not _end(session, self.video_id):
            raise _given_up()

    def drop(self) -> None:
        """End it without a video; what it stored is deleted, now or by a sweep.

        Nothing is deleted if the row is gone: then others have decided. Where the
        database is away it is tried again in the background.
        """
        self.is_settled = True
        if not self._has_dropped():
            threading.Thread(
                target=self._drop_later, name="drop-upload", daemon=True
            ).start()

    def _drop_later(self) -> None:
        """Try again for an hour; by then, or once this process ends, a sweep does."""
        until, pause_s = time.monotonic() + SILENT.total_seconds(), FIRST_PAUSE_S
        while time.monotonic() < until:
            time.sleep(pause_s)
            if self._has_dropped():
                return
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _has_dropped(self) -> bool:
        prefix = video_prefix(self.video_id)
        sessions, storage = self.resources.sessions, self.resources.storage
        try:
            with sessions.begin() as session:
                is_ours = _end(session, self.video_id)
                if is_ours and self.is_stored:
                    session.execute(add_pending_deletion(prefix))
            if is_ours and self.is_stored:
                delete_objects(prefix, sessions, storage)
        except (OSError, SQLAlchemyError) as exc:
            log.warning("upload_not_removed", video=str(self.video_id), error=str(exc))
            return False
        return True

    def _touch(self) -> None:
        with self.resources.sessions.begin() as session:
            touched = session.scalar(
                update(Upload)
                .where(Upload.id == self.video_id)
                .values(touched_at=func.now())
                .returning(Upload.id)
            )
        if touched is None:
            raise _given_up()


@asynccontextmanager
async def upload_in_flight(
    video_id: UUID, *, resources: Resources
) -> AsyncIterator[UploadInFlight]:
    """Announce an upload before its first byte; drop it if it is not recorded."""
    flight = UploadInFlight(video_id, resources)
    begin = partial(begin_upload, video_id, resources.sessions)
    await run_sync(begin, limiter=resources.upload_threads)
    try:
        yield flight
    finally:
        if not flight.is_settled:
            with anyio.CancelScope(shield=True):
                await run_sync(flight.drop, limiter=resources.upload_threads)


def begin_upload(video_id: UUID, sessions: Sessions) -> None:
    """Write the row of an upload that this process takes in."""
    owner = str(ProcessIdentity.current())
    with sessions.begin() as session:
        session.add(
            Upload(
                id=video_id,
                owner=owner,
                touched_at=func.now(),
                created_at=func.now(),
            )
        )


def give_up_uploads(
    sessions: Sessions, *, upload_idle: timedelta, is_start: bool = False
) -> list[UUID]:
    """End uploads whose process died or that fell silent; their bytes are to go.

    Silent is one untouched for an hour more than an upload may be idle.

    Args:
        is_start: the API starts: uploads of this container's earlier run are over too.

    A row that its upload is just recording is left alone. If its video is there after
    all, the bytes stay.
    """
    with sessions.begin() as session:
        owners = session.scalars(select(Upload.owner).distinct()).all()
        given_up = session.scalars(
            select(Upload.id)
            .where(
                Upload.owner.in_(
                    [owner for owner in owners if _is_over(owner, is_start=is_start)]
                )
                | (Upload.touched_at < func.now() - SILENT - upload_idle)
            )
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        recorded = set(session.scalars(select(Video.id).where(Video.id.in_(given_up))))
        for video_id in given_up:
            _end(session, video_id)
            if video_id not in recorded:
                session.execute(add_pending_deletion(video_prefix(video_id)))
    return list(given_up)


def _end(session: Session, video_id: UUID) -> bool:
    """Delete the row; False if it was gone."""
    ended = delete(Upload).where(Upload.id == video_id).returning(Upload.id)
    return session.execute(ended).one_or_none() is not None


def _is_over(owner: str, *, is_start: bool) -> bool:
    identity = ProcessIdentity.parse(owner)
    if identity is None:
        return False
    return identity.was_ended_by_restart if is_start else identity.is_dead


def _given_up() -> UploadBroken:
    return UploadBroken(
        "The upload stalled so long that the server gave it up; nothing was kept. "
        "Send it again."
    )
