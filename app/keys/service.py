"""Keys are made, checked and revoked here: `touchline_<id>_<secret>`.

A key is shown once, when it is made; the database keeps its SHA-256, so that who reads
a backup cannot use it. Every request looks its key up, so that one that is revoked is
refused at once, by every process.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import InvalidRequest, NotAuthenticated
from app.core.principal import ALL_SCOPES, KeyScope, Principal
from app.keys.problems import ExpiryPassed
from app.keys.queries import keys_of_person, note_use
from app.keys.tables import ApiKey

PREFIX = "touchline_"
ID_BYTES, SECRET_BYTES = 6, 32
KEY_ID = re.compile(f"[0-9a-f]{{{2 * ID_BYTES}}}")
UNKNOWN = "The key is not one of this service."
LATEST = datetime(9999, 1, 1, tzinfo=UTC)  # Python has no year 10,000, in any zone


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that has just been made.

    Attributes:
        text: the key itself, which is not kept.
    """

    row: ApiKey
    text: str


def create_key(
    session: Session,
    *,
    name: str,
    scopes: Collection[KeyScope],
    project_id: UUID,
    now: datetime,
    expires_at: datetime | None = None,
    rate_per_minute: int | None = None,
) -> NewKey:
    """Make a key.

    Raises:
        InvalidRequest: it would have no scope, or never expire in truth.
        ExpiryPassed: it would be of no use when it is made.
    """
    if not scopes:
        raise InvalidRequest(f"Name a scope: {', '.join(sorted(ALL_SCOPES))}.")
    if expires_at is not None and expires_at <= now:
        raise ExpiryPassed("The key would have expired already.")
    if expires_at is not None and expires_at >= LATEST:
        raise InvalidRequest(
            "expires_at: must be before the year 9999; leave it out for a key that "
            "does not expire."
        )
    key_id = secrets.token_hex(ID_BYTES)
    text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    row = ApiKey(
        id=key_id,
        name=name,
        key_sha256=digest(text),
        scopes=sorted(scopes),
        project_id=project_id,
        rate_per_minute=rate_per_minute,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return NewKey(row, text)


def principal_of_key(session: Session, text: str, *, now: datetime) -> Principal:
    """Tell whose key this is, and note its use.

    Raises:
        NotAuthenticated: it is no key of this service, has been revoked or has expired.
    """
    key_id = text.removeprefix(PREFIX).partition("_")[0]
    row = session.get(ApiKey, key_id) if KEY_ID.fullmatch(key_id) else None
    # An unknown id is compared as well, so that the time of the answer tells nothing.
    kept = row.key_sha256 if row is not None else digest("")
    if not hmac.compare_digest(digest(text), kept) or row is None:
        raise NotAuthenticated(UNKNOWN)
    principal = principal_of(row, now=now)
    session.execute(note_use(row.id))
    return principal


def principal_of_user(session: Session, name: str, *, now: datetime) -> Principal:
    """Tell what somebody may do whom a proxy has signed in: as the key of that name.

    Only keys that the operator made stand for people: one made by an admin of a project
    could take another's name.

    Raises:
        NotAuthenticated: no key, or more than one, is named so and can be used.
    """
    rows = session.scalars(keys_of_person(name, now=now)).all()
    if len(rows) != 1:
        found = "more than one key is" if rows else "no key is"
        raise NotAuthenticated(
            f"You are signed in as {name!r}, but {found} named so: the operator makes "
            "one with `touchline keys create --name NAME --scope review`."
        )
    session.execute(note_use(rows[0].id))
    return principal_of(rows[0], now=now)


def principal_of(row: ApiKey, *, now: datetime) -> Principal:
    """Read who a key stands for.

    Raises:
        NotAuthenticated: it has been revoked or has expired.
    """
    if row.revoked_at is not None:
        raise NotAuthenticated(f"The key {row.name!r} has been revoked.")
    if row.expires_at is not None and row.expires_at <= now:
        raise NotAuthenticated(
            f"The key {row.name!r} expired on {row.expires_at:%Y-%m-%d %H:%M} UTC."
        )
    return Principal(
        "key",
        row.id,
        project_id=row.project_id,
        scopes=frozenset(scope for scope in ALL_SCOPES if scope in row.scopes),
        name=row.name,
        rate_per_minute=row.rate_per_minute,
    )


def digest(text: str) -> str:
    """Give the SHA-256 of a key or token; they are too long to be guessed from it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
