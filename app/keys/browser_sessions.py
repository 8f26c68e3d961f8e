"""A browser signs in with a key and gets a cookie that no script can read.

What such a browser changes must carry the session's CSRF token as well, which only a
page of this service can read.

Source: OWASP cheat sheets on session management and on cross-site request forgery.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core.errors import CrossSiteRefused, NotAuthenticated
from app.core.principal import DEFAULT_KEY, Principal
from app.keys.queries import expired_sessions, open_session
from app.keys.service import digest, principal_of
from app.keys.tables import BrowserSession

LASTS = timedelta(days=30)
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was opened; `token` is for its cookie and is not kept."""

    token: str
    csrf_token: str
    expires_at: datetime


def sign_in(
    session: Session, principal: Principal, key: str, *, now: datetime
) -> SignedIn:
    """Open a session for whoever holds a key that has just been checked."""
    session.execute(expired_sessions(now))
    opened = SignedIn(
        secrets.token_urlsafe(TOKEN_BYTES),
        secrets.token_urlsafe(TOKEN_BYTES),
        now + LASTS,
    )
    session.add(
        BrowserSession(
            token_sha256=digest(opened.token),
            csrf_token=opened.csrf_token,
            key_id=None if principal == DEFAULT_KEY else principal.id,
            key_sha256=digest(key),
            created_at=now,
            expires_at=opened.expires_at,
        )
    )
    return opened


def principal_of_session(
    session: Session,
    token: str,
    *,
    csrf_token: str | None,
    is_change: bool,
    own_key: str | None,
    now: datetime,
) -> tuple[Principal, str]:
    """Tell who signed in, and the session's CSRF token.

    Args:
        csrf_token: what the request carried.
        is_change: whether the request changes something, and so must carry it.
        own_key: TOUCHLINE_API_KEY, if it is set.

    Raises:
        NotAuthenticated: the session has ended, or its key has.
        CrossSiteRefused: the token is missing or wrong.
    """
    found = session.execute(open_session(digest(token))).one_or_none()
    if found is None:
        raise NotAuthenticated("The session has ended: sign in again.")
    row, key = found
    if key is not None:
        principal = principal_of(key, now=now)
    elif own_key is not None and hmac.compare_digest(digest(own_key), row.key_sha256):
        principal = DEFAULT_KEY
    else:
        raise NotAuthenticated("The key of this session is gone: sign in again.")
    if is_change and not hmac.compare_digest(
        (csrf_token or "").encode(), row.csrf_token.encode()
    ):
        raise CrossSiteRefused(
            "A browser that signed in must send the session's token: the header "
            "X-CSRF-Token, as GET /session tells it."
        )
    return principal, row.csrf_token


def sign_out(session: Session, token: str) -> None:
    """End a session; one that is unknown is no error."""
    session.execute(
        delete(BrowserSession).where(BrowserSession.token_sha256 == digest(token))
    )
