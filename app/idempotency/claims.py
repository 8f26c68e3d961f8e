"""How a key's row is taken and freed."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import IdempotencyKeyInUse
from app.core.process_identity import ProcessIdentity
from app.idempotency.tables import IdempotencyKeyRow

SILENT = timedelta(minutes=2)  # a holder that long untouched has died
KEPT_FOR = timedelta(days=1)
CLAIM_TRIES = 3  # a key can be let go just while it is looked at


def claim(session: Session, key: str, *, token: UUID) -> IdempotencyKeyRow | None:
    """Take a key; gives the row of the request that used it before, if one did.

    Raises:
        IdempotencyKeyInUse: a request under way holds it.
    """
    _forget_old_keys(session, key)
    row = {
        **{"key": key, "token": token, "owner": str(ProcessIdentity.current())},
        **{"touched_at": func.now(), "created_at": func.now()},
    }
    for _ in range(CLAIM_TRIES):
        taken = session.execute(
            insert(IdempotencyKeyRow)
            .values(row)
            .on_conflict_do_nothing()
            .returning(IdempotencyKeyRow.key)
        ).one_or_none()
        if taken is not None:
            return None
        earlier = session.scalars(
            select(IdempotencyKeyRow)
            .where(IdempotencyKeyRow.key == key)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if earlier is not None and earlier.fingerprint is not None:
            return earlier
        if earlier is not None and not _drop_if_dead(session, earlier):
            break
    raise IdempotencyKeyInUse(
        "A request with this Idempotency-Key is still under way; "
        "wait for its end before you send it again."
    )


def free(session: Session, key: str | None, token: UUID | None) -> None:
    """Free a key if that request still holds it; never one that was used."""
    session.execute(
        delete(IdempotencyKeyRow).where(
            IdempotencyKeyRow.key == key,
            IdempotencyKeyRow.token == token,
            IdempotencyKeyRow.fingerprint.is_(None),
        )
    )


def _drop_if_dead(session: Session, held: IdempotencyKeyRow) -> bool:
    """Free a key whose holder has ended; False if it lives, as far as is known."""
    if not _is_dead(held.owner):
        return False
    free(session, held.key, held.token)
    return True


def _is_dead(owner: str | None) -> bool:
    identity = ProcessIdentity.parse(owner or "")
    return identity is not None and identity.is_dead


def _forget_old_keys(session: Session, key: str) -> None:
    """Delete what expired, and the key that is wanted if its holder fell silent.

    Rows that another request looks at are left to it.
    """
    is_silent = IdempotencyKeyRow.fingerprint.is_(None) & (
        IdempotencyKeyRow.touched_at < func.now() - SILENT
    )
    is_done = IdempotencyKeyRow.fingerprint.is_not(None)
    is_old = IdempotencyKeyRow.created_at < func.now() - KEPT_FOR
    gone = (
        select(IdempotencyKeyRow.key)
        .where(
            or_(
                is_old & (is_done | is_silent),
                (IdempotencyKeyRow.key == key) & is_silent,
            )
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        delete(IdempotencyKeyRow)
        .where(IdempotencyKeyRow.key.in_(gone))
        .execution_options(synchronize_session=False)
    )
