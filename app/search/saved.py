"""Searches that people saved, read and written in transactions given to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.db.project_sessions import project_of
from app.core.http.preconditions import is_seen
from app.search.problems import SearchChanged, SearchNameTaken, SearchNotFound
from app.search.tables import SavedSearch


def searches_page(*, after: str | None, limit: int) -> Select[SavedSearch]:
    """List saved searches by name.

    Args:
        after: the name of the last one before.
    """
    statement = select(SavedSearch).order_by(SavedSearch.name).limit(limit)
    return statement if after is None else statement.where(SavedSearch.name > after)


def list_searches(
    session: Session, *, after: str | None, limit: int
) -> Sequence[SavedSearch]:
    """List some of the project's searches by name."""
    return session.scalars(searches_page(after=after, limit=limit)).all()


def find_search(session: Session, search_id: UUID) -> SavedSearch:
    """Find a saved search.

    Raises:
        SearchNotFound: there is none of that id.
    """
    return _find(session, select(SavedSearch).where(SavedSearch.id == search_id))


def add_search(
    session: Session, *, name: str, query: dict[str, Any], now: datetime
) -> SavedSearch:
    """Save a search.

    Raises:
        SearchNameTaken: another one has the name.
    """
    row = SavedSearch(
        project_id=project_of(session),
        name=name,
        query=query,
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    _write(session, name)
    return row


def change_search(
    session: Session,
    search_id: UUID,
    *,
    name: str | None,
    query: dict[str, Any] | None,
    if_match: str | None,
    now: datetime,
) -> SavedSearch:
    """Give a saved search another name, another query, or both.

    Args:
        if_match: the header of that name; None: whatever there is may be changed.

    Raises:
        SearchNotFound: there is none of that id.
        SearchChanged: somebody else has changed it meanwhile.
        SearchNameTaken: another one has the name.
    """
    row = _lock(session, search_id, if_match)
    row.name = row.name if name is None else name
    row.query = row.query if query is None else query
    row.version += 1
    row.updated_at = now
    _write(session, row.name)
    return row


def remove_search(session: Session, search_id: UUID, *, if_match: str | None) -> None:
    """Delete a saved search.

    Raises:
        SearchNotFound, SearchChanged: as for `change_search`.
    """
    session.delete(_lock(session, search_id, if_match))


def _lock(session: Session, search_id: UUID, if_match: str | None) -> SavedSearch:
    statement = select(SavedSearch).where(SavedSearch.id == search_id)
    row = _find(session, statement.with_for_update())
    if not is_seen(if_match, version=row.version):
        raise SearchChanged(
            f"The search {row.name!r} was changed meanwhile; nothing was saved. Load "
            "it anew and repeat the change."
        )
    return row


def _find(session: Session, statement: Select[SavedSearch]) -> SavedSearch:
    row = session.scalar(statement)
    if row is None:
        raise SearchNotFound("No saved search has that id; it may have been deleted.")
    return row


def _write(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as exc:
        if not isinstance(exc.orig, UniqueViolation):
            raise
        raise SearchNameTaken(
            f"There is a search called {name!r} already: take another name, or change "
            "that one."
        ) from exc
