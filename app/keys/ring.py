"""Looks keys and browser sessions up for each request, on threads of its own."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.principal import Principal
from app.core.resources import Resources
from app.keys.browser_sessions import principal_of_session
from app.keys.service import principal_of_key, principal_of_user

THREADS = 4  # not the routes', so that no slow request makes others wait at the door

Found = TypeVar("Found")


class DatabaseKeyRing:
    """The keys in the database; see `app.core.http.access.KeyRing`."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._threads = CapacityLimiter(THREADS)

    async def principal_of_key(self, text: str) -> Principal:
        """Tell whose key this is."""
        return await self._look(
            lambda session: principal_of_key(session, text, now=utc_now())
        )

    async def principal_of_user(self, name: str) -> Principal:
        """Tell whose key is named like somebody whom a proxy has signed in."""
        return await self._look(
            lambda session: principal_of_user(session, name, now=utc_now())
        )

    async def principal_of_session(
        self, token: str, *, csrf_token: str | None, is_change: bool
    ) -> tuple[Principal, str]:
        """Tell who signed in, and the session's CSRF token."""
        own = self._resources.settings.api_key
        return await self._look(
            lambda session: principal_of_session(
                session,
                token,
                csrf_token=csrf_token,
                is_change=is_change,
                own_key=own.get_secret_value() if own is not None else None,
                now=utc_now(),
            )
        )

    async def _look(self, look: Callable[[Session], Found]) -> Found:
        def in_session() -> Found:
            with self._resources.sessions.begin() as session:
                return look(session)

        return await run_sync(in_session, limiter=self._threads)
