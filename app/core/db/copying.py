"""Many rows at once, by COPY, in a session's transaction."""

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


def copy_rows(
    session: Session,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """Write rows; what was flushed before is written before them.

    Raises:
        sqlalchemy.exc.DBAPIError: one of its kinds, as of any other statement; the
            database may have gone away.
    """
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError(f"COPY needs psycopg, not {type(connection).__name__}")
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as exc:
        raise DBAPIError.instance(
            statement.as_string(), None, exc, psycopg.Error
        ) from exc
