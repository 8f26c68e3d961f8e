"""`Idempotency-Key`: an upload sent twice makes one video, and gets one answer.

The first upload holds its key while bytes flow; a held key whose holder fell silent
may be taken over. A done key remembers what was sent, and expires after a day.
"""

import hashlib
import json
import string
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID

import anyio
from anyio.to_thread import run_sync
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db.models import UploadKey
from app.core.db.session import Sessions
from app.core.errors import InvalidRequest, KeyInUse, KeyReused
from app.core.storage import StoredFile

MAX_KEY_CHARS = 255
VISIBLE = frozenset(string.ascii_letters + string.digits + string.punctuation)
SILENT = timedelta(minutes=2)  # a holder that long untouched has died
TOUCH_EVERY_S = 20.0
KEPT_FOR = timedelta(days=1)


@dataclass(slots=True)
class HeldKey:
    """The key of the upload under way; without one nothing is held.

    Attributes:
        earlier: the fingerprint of the upload that used this key before, if any.
        earlier_video: the video that upload made.
    """

    sessions: Sessions
    key: str | None
    earlier: str | None = None
    earlier_video: UUID | None = None
    touched_at_s: float = field(default_factory=time.monotonic)

    async def touch(self) -> None:
        """Say, now and then, that the upload still goes on."""
        if self.key is None or self.earlier is not None:
            return
        if time.monotonic() - self.touched_at_s < TOUCH_EVERY_S:
            return
        self.touched_at_s = time.monotonic()
        await run_sync(_touch, self.sessions, self.key)

    def close(self, session: Session, *, fingerprint: str, video_id: UUID) -> None:
        """Remember, in the video's own transaction, what the key was used for."""
        if self.key is not None:
            session.execute(
                update(UploadKey)
                .where(UploadKey.key == self.key)
                .values(fingerprint=fingerprint, video_id=video_id)
            )


@asynccontextmanager
async def held_key(key: str | None, *, sessions: Sessions) -> AsyncIterator[HeldKey]:
    """Hold a key while an upload is taken in; let it go if that fails.

    Raises:
        InvalidRequest: the key is too long, or holds what a header must not.
        KeyInUse: another upload holds it.
    """
    if key is None:
        yield HeldKey(sessions, None)
        return
    if not key or len(key) > MAX_KEY_CHARS or not VISIBLE.issuperset(key):
        raise InvalidRequest(
            f"Idempotency-Key must be 1 to {MAX_KEY_CHARS} visible ASCII characters."
        )
    held = await run_sync(partial(_take, sessions, key))
    try:
        yield held
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_sync(_let_go, sessions, key)
        raise


def fingerprint_of(
    stored: StoredFile, filename: str | None, fields: Mapping[str, str]
) -> str:
    """Tell uploads apart: the file's bytes and name, and every field."""
    words = json.dumps([stored.sha256, filename, sorted(fields.items())])
    return hashlib.sha256(words.encode()).hexdigest()


def check_same(held: HeldKey, fingerprint: str) -> None:
    """Make sure that the earlier upload with this key was the same.

    Raises:
        KeyReused: it was of another file or other fields.
    """
    if held.earlier != fingerprint:
        raise KeyReused(
            "This Idempotency-Key belongs to an upload of another file or other "
            "fields; send a new key with a new upload."
        )


def _take(sessions: Sessions, key: str) -> HeldKey:
    with sessions.begin() as session:
        expired = UploadKey.created_at < func.now() - KEPT_FOR
        is_silent = UploadKey.touched_at < func.now() - SILENT
        is_done = UploadKey.fingerprint.is_not(None)
        session.execute(
            delete(UploadKey).where(or_(expired & is_done, is_silent & ~is_done))
        )
        row = {"key": key, "touched_at": func.now(), "created_at": func.now()}
        taken = session.execute(
            insert(UploadKey)
            .values(row)
            .on_conflict_do_nothing()
            .returning(UploadKey.key)
        ).one_or_none()
        if taken is not None:
            return HeldKey(sessions, key)
        earlier = session.scalars(
            select(UploadKey).where(UploadKey.key == key)
        ).one_or_none()
    if earlier is None or earlier.fingerprint is None:
        raise KeyInUse(
            "An upload with this Idempotency-Key is still under way; "
            "wait for its end before you send it again."
        )
    return HeldKey(sessions, key, earlier.fingerprint, earlier.video_id)


def _touch(sessions: Sessions, key: str) -> None:
    with sessions.begin() as session:
        session.execute(
            update(UploadKey).where(UploadKey.key == key).values(touched_at=func.now())
        )


def _let_go(sessions: Sessions, key: str) -> None:
    with sessions.begin() as session:
        session.execute(
            delete(UploadKey).where(
                UploadKey.key == key, UploadKey.fingerprint.is_(None)
            )
        )
