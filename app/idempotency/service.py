"""`Idempotency-Key`: a request sent twice makes one thing, and gets one answer.

An upload holds its key while bytes flow; a held key whose holder died or fell silent
may be taken over, and the holder then has lost it. A job takes its key in the very
transaction that makes it. A used key remembers what was sent, and expires after a day.
"""

import string
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import anyio
import structlog
from anyio.to_thread import run_sync
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db.project_sessions import project_of
from app.core.db.session import Sessions
from app.core.errors import IdempotencyKeyInUse, IdempotencyKeyReused, InvalidRequest
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.process_identity import ProcessIdentity
from app.core.resources import Resources
from app.idempotency.claims import KEPT_FOR, claim, free
from app.idempotency.tables import IdempotencyKeyRow

MAX_KEY_CHARS = 255
VISIBLE = frozenset(string.ascii_letters + string.digits + string.punctuation)
TOUCH_EVERY_S = 20.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class HeldKey:
    """The key of the upload under way; without one nothing is held.

    Attributes:
        token: names this request among all that ever held the key.
        earlier: the fingerprint of the request that used this key before, if any.
        earlier_video: the video that request made.
    """

    resources: Resources
    key: str | None
    token: UUID = field(default_factory=uuid4)
    earlier: str | None = None
    earlier_video: UUID | None = None
    touched_at_s: float = field(default_factory=time.monotonic)

    async def touch(self) -> None:
        """Say, now and then, that the upload still goes on.

        Raises:
            IdempotencyKeyInUse: it was silent so long that another request took the
                key over.
        """
        if self.key is None or self.earlier is not None:
            return
        if time.monotonic() - self.touched_at_s < TOUCH_EVERY_S:
            return
        self.touched_at_s = time.monotonic()
        await run_sync(_touch, self, limiter=self.resources.upload_threads)

    def close(self, session: Session, *, fingerprint: str, video_id: UUID) -> None:
        """Remember, in the video's own transaction, what the key was used for.

        Raises:
            IdempotencyKeyInUse: another request took the key over.
        """
        if self.key is not None:
            self._update(session, fingerprint=fingerprint, video_id=video_id)

    def _update(self, session: Session, **values: object) -> None:
        mine = (
            IdempotencyKeyRow.key == self.key,
            IdempotencyKeyRow.token == self.token,
        )
        changed = session.scalar(
            update(IdempotencyKeyRow)
            .where(*mine, IdempotencyKeyRow.fingerprint.is_(None))
            .values(values)
            .returning(IdempotencyKeyRow.key)
        )
        if changed is None:
            raise IdempotencyKeyInUse(
                "This upload stalled so long that another request took over its "
                "Idempotency-Key; nothing of it was kept."
            )


@asynccontextmanager
async def held_key(key: str | None, *, resources: Resources) -> AsyncIterator[HeldKey]:
    """Hold a key while an upload is taken in; let it go if that fails.

    Raises:
        InvalidRequest: the key is too long, or holds what a header must not.
        IdempotencyKeyInUse: another request holds it.
    """
    if key is None:
        yield HeldKey(resources, None)
        return
    check_key(key)
    with resources.sessions() as session:
        held = HeldKey(resources, _in_project(key, session))
    await run_sync(_take, held, limiter=resources.upload_threads)
    try:
        yield held
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_sync(_let_go, held, limiter=resources.upload_threads)
        raise


def used_before(
    session: Session, key: str | None, *, fingerprint: str
) -> IdempotencyKeyRow | None:
    """Take a key for a request that ends with this transaction; see `mark_used`.

    One with the same key that is at the same point is waited for. Gives what the same
    request made before; None for the first one, and without a key.

    Raises:
        InvalidRequest: the key is too long, or holds what a header must not.
        IdempotencyKeyInUse: an upload under way holds it.
        IdempotencyKeyReused: it belongs to another request.
    """
    if key is None:
        return None
    check_key(key)
    earlier = claim(session, _in_project(key, session), token=uuid4())
    if earlier is not None and earlier.fingerprint != fingerprint:
        raise IdempotencyKeyReused(_REUSED)
    return earlier


def mark_used(
    session: Session,
    key: str | None,
    *,
    fingerprint: str,
    video_id: UUID | None,
    job_id: UUID | None = None,
    made_id: UUID | None = None,
) -> None:
    """Remember what a key that `used_before` took was used for.

    Args:
        job_id: the job that was made, if one was.
        made_id: what else was made: a step of corrections.
    """
    if key is not None:
        made = {"video_id": video_id, "job_id": job_id, "made_id": made_id}
        session.execute(
            update(IdempotencyKeyRow)
            .where(IdempotencyKeyRow.key == _in_project(key, session))
            .values(fingerprint=fingerprint, **made)
        )


def make_once(
    session: Session,
    key: str | None,
    make: Callable[[], UUID],
    *,
    fingerprint: str,
    video_id: UUID | None = None,
) -> tuple[UUID, bool]:
    """Make what a request asks for, or find what an earlier one with its key made.

    Args:
        make: called in this transaction if nothing was made yet; gives its id.
        fingerprint: what was sent; see `app.idempotency.fingerprints`.

    Returns:
        The id, and whether it was made now.

    Raises:
        InvalidRequest, IdempotencyKeyInUse, IdempotencyKeyReused: see `used_before`.
    """
    earlier = used_before(session, key, fingerprint=fingerprint)
    if earlier is not None and earlier.made_id is not None:
        return earlier.made_id, False
    made_id = make()
    mark_used(session, key, fingerprint=fingerprint, video_id=video_id, made_id=made_id)
    return made_id, True


def made_before(
    sessions: Sessions, key: str | None, *, fingerprint: str
) -> UUID | None:
    """Find what the same request made; None: nothing yet, or its key says no more.

    To be asked before what is sent is checked: what has changed since must not keep the
    answer from who lost it. `make_once` tells the rest.
    """
    if key is None:
        return None
    with sessions() as session:
        return session.scalar(
            select(IdempotencyKeyRow.made_id).where(
                IdempotencyKeyRow.key == _in_project(key, session),
                IdempotencyKeyRow.fingerprint == fingerprint,
                IdempotencyKeyRow.created_at >= func.now() - KEPT_FOR,
            )
        )


def check_key(key: str) -> None:
    """Refuse a key that is too long, or holds what a header must not.

    Raises:
        InvalidRequest: it is so.
    """
    if not is_key(key):
        raise InvalidRequest(
            f"Idempotency-Key must be 1 to {MAX_KEY_CHARS} visible ASCII characters."
        )


def is_key(text: str) -> bool:
    """Whether a text can be a key."""
    return 0 < len(text) <= MAX_KEY_CHARS and VISIBLE.issuperset(text)


def check_same(held: HeldKey, fingerprint: str) -> None:
    """Make sure that the earlier request with this key was the same upload.

    Raises:
        IdempotencyKeyReused: it was of another file or other fields, or no upload.
    """
    if held.earlier != fingerprint:
        raise IdempotencyKeyReused(_REUSED)


def free_keys_of_the_dead(sessions: Sessions) -> int:
    """Free the keys of uploads whose process has ended, as an API does at its start.

    On this machine, or in this container before it was started anew. An upload that
    goes on all the same, in another container of that name, ends without its key.
    """
    in_flight = IdempotencyKeyRow.fingerprint.is_(None)
    with sessions.begin() as session:
        owners = session.scalars(
            select(IdempotencyKeyRow.owner).where(in_flight).distinct()
        )
        dead = [owner for owner in owners if _was_ended_by_restart(owner)]
        freed = session.scalars(
            delete(IdempotencyKeyRow)
            .where(in_flight, IdempotencyKeyRow.owner.in_(dead))
            .returning(IdempotencyKeyRow.key)
        ).all()
    return len(freed)


def _take(held: HeldKey) -> None:
    with held.resources.sessions.begin() as session:
        earlier = claim(session, str(held.key), token=held.token)
        if earlier is not None:
            held.earlier, held.earlier_video = earlier.fingerprint, earlier.video_id


def _was_ended_by_restart(owner: str | None) -> bool:
    identity = ProcessIdentity.parse(owner or "")
    return identity is not None and identity.was_ended_by_restart


def _touch(held: HeldKey) -> None:
    with held.resources.sessions.begin() as session:
        held._update(session, touched_at=func.now())


def _let_go(held: HeldKey) -> None:
    try:
        with held.resources.sessions.begin() as session:
            free(session, held.key, held.token)
    except SQLAlchemyError as exc:  # It is free once it was silent long enough.
        log.warning("idempotency_key_not_freed", error=str(exc))


def _in_project(key: str, session: Session) -> str:
    """Name a key so that other projects may use the same."""
    project_id = project_of(session)
    return key if project_id == DEFAULT_PROJECT_ID else f"{project_id} {key}"


_REUSED = (
    "This Idempotency-Key belongs to another request (another file, other fields or "
    "another address); send a new key with a new request."
)
