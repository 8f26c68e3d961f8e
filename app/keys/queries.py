"""Statements about keys and browser sessions, built without a session."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Delete, Select, Update, delete, func, or_, select, update

from app.core.principal import LOCAL
from app.keys.tables import ApiKey, BrowserSession

USED_TO_THE = timedelta(minutes=1)


def keys_page(*, after: str | None, limit: int) -> Select[ApiKey]:
    """List keys by id; one row more than `limit`."""
    statement = select(ApiKey).order_by(ApiKey.id).limit(limit + 1)
    return statement if after is None else statement.where(ApiKey.id > after)


def keys_of_person(name: str, *, now: datetime) -> Select[ApiKey]:
    """Find keys of a name that the operator made and that can be used; two at most."""
    return (
        select(ApiKey)
        .where(
            ApiKey.name == name,
            ApiKey.created_by == str(LOCAL),
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
        )
        .limit(2)
    )


def note_use(key_id: str) -> Update:
    """Write when a key was used last, at most once a minute."""
    return (
        update(ApiKey)
        .where(
            ApiKey.id == key_id,
            or_(
                ApiKey.last_used_at.is_(None),
                ApiKey.last_used_at < func.now() - USED_TO_THE,
            ),
        )
        .values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )


def revoke(key_id: str) -> Update:
    """Revoke a key; one that is revoked already stays as it is."""
    return (
        update(ApiKey)
        .where(ApiKey.id == key_id)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
        .returning(ApiKey.project_id)
        .execution_options(synchronize_session=False)
    )


def ended_keys(key_ids: Collection[str]) -> Select[str]:
    """List which of these keys were revoked or have expired."""
    return select(ApiKey.id).where(
        ApiKey.id.in_(key_ids),
        or_(ApiKey.revoked_at.is_not(None), ApiKey.expires_at <= func.now()),
    )


def open_session(token_sha256: str) -> Select[BrowserSession, ApiKey | None]:
    """Find a browser's session that has not expired, and its key."""
    return (
        select(BrowserSession, ApiKey)
        .outerjoin(ApiKey, ApiKey.id == BrowserSession.key_id)
        .where(
            BrowserSession.token_sha256 == token_sha256,
            BrowserSession.expires_at > func.now(),
        )
    )


def expired_sessions(now: datetime) -> Delete:
    """Forget the sessions that have expired."""
    return delete(BrowserSession).where(BrowserSession.expires_at < now)
