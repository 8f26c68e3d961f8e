"""Rows by COPY: a failure is one of SQLAlchemy's, so that it is answered as others."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.core.db.base import new_id
from app.core.db.copying import copy_rows
from app.core.db.session import Sessions

NOW = datetime(2026, 5, 17, tzinfo=UTC)
COLUMNS = ("id", "name", "created_at")


def test_a_server_that_goes_away_meanwhile_is_a_database_that_does_not_answer(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        pid = session.scalar(text("select pg_backend_pid()"))

        def rows() -> Iterator[tuple[object, ...]]:
            yield new_id(), "a", NOW
            with sessions.begin() as other:
                ended = text("select pg_terminate_backend(:pid, 5000)")
                other.execute(ended, {"pid": pid})
            for number in range(200_000):
                yield new_id(), f"b {number}", NOW

        with pytest.raises(OperationalError):
            copy_rows(session, "projects", COLUMNS, rows())
        session.invalidate()


def test_a_row_that_is_there_already_is_told_as_such(sessions: Sessions) -> None:
    row = (new_id(), "a", NOW)
    with sessions() as session, pytest.raises(IntegrityError) as raised:
        copy_rows(session, "projects", COLUMNS, [row, row])

    assert isinstance(raised.value, DBAPIError)
