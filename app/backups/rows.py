"""The rows of all tables, out of a database at one moment and into an empty one.

Postgres' own COPY, in text: any release of the server reads it, and no program beside
it is needed.
"""

import gzip
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import Computed, Engine, Table

from app.backups.repository import BLOCK_BYTES, TableFacts, checksum
from app.core.errors import StartFailed
from app.tables import metadata

# What is under way and cannot go on elsewhere, or tells of processes.
LEFT_OUT = frozenset({"uploads", "resumable_uploads", "worker_heartbeats"})

FOREIGN_KEYS = """
select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
from pg_constraint where contype = 'f' and connamespace = current_schema()::regnamespace
"""


def tables() -> list[Table]:
    """List the tables that a backup holds, in the order of their names."""
    found = metadata.tables.values()
    return sorted(
        (one for one in found if one.name not in LEFT_OUT), key=lambda one: one.name
    )


def stored_columns(table: Table) -> list[str]:
    """List the columns that are not computed from others."""
    return [one.name for one in table.columns if not isinstance(one.computed, Computed)]


def dump_tables(
    connection: psycopg.Connection[object], folder: Path
) -> list[TableFacts]:
    """Write all rows as one transaction sees them."""
    return [_dump(connection, table, folder) for table in tables()]


def _dump(
    connection: psycopg.Connection[object], table: Table, folder: Path
) -> TableFacts:
    columns = stored_columns(table)
    path, rows = folder / f"{table.name}.gz", 0
    statement = sql.SQL("copy (select {} from {}) to stdout").format(
        _names(columns), sql.Identifier(table.name)
    )
    with (
        connection.cursor() as cursor,
        gzip.open(path, "wb", compresslevel=3) as file,
        cursor.copy(statement) as copy,
    ):
        for block in copy:
            rows += bytes(block).count(b"\n")  # a row is a line; theirs are escaped
            file.write(bytes(block))
    return TableFacts(
        name=table.name, columns=columns, rows=rows, sha256=checksum(path)
    )


def load_tables(
    engine: Engine,
    found: Sequence[TableFacts],
    folder: Path,
    *,
    without: Iterable[UUID] = (),
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Put rows into a database, in place of all that is there, whole or not at all.

    Foreign keys are put back, and so checked, once all rows are there.

    Args:
        found: tables of the schema that the database has.
        without: videos that are left out, with all that hangs on them.

    Raises:
        StartFailed: the rows do not fit the schema.
    """
    raw = engine.raw_connection()
    try:
        connection = raw.driver_connection
        if not isinstance(connection, psycopg.Connection):
            raise TypeError("another driver than psycopg")
        with connection.cursor() as cursor:
            cursor.execute("set local statement_timeout = 0")
            keys = cursor.execute(FOREIGN_KEYS).fetchall()
            for table, name, _ in keys:
                cursor.execute(_alter(table, "drop constraint", name))
            names = sql.SQL(", ").join(sql.Identifier(one.name) for one in found)
            cursor.execute(sql.SQL("truncate {}").format(names))
            for one in found:
                report(f"{one.name}: {one.rows} rows")
                _load(cursor, one, folder)
            for table, name, definition in keys:
                cursor.execute(_alter(table, "add constraint", name, definition))
            cursor.execute(
                "delete from videos where id = any(%s)", [[str(one) for one in without]]
            )
        connection.commit()
    except psycopg.Error as exc:
        raise StartFailed(f"the rows cannot be restored: {exc}") from exc
    finally:
        raw.invalidate()  # its settings were changed


def _load(cursor: psycopg.Cursor[object], table: TableFacts, folder: Path) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table.name), _names(table.columns)
    )
    with (
        gzip.open(folder / f"{table.name}.gz", "rb") as file,
        cursor.copy(statement) as copy,
    ):
        while block := file.read(BLOCK_BYTES):
            copy.write(block)


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(one) for one in columns)


def _alter(table: str, what: str, name: str, definition: str = "") -> sql.Composed:
    return sql.SQL("alter table {} {} {} {}").format(
        sql.Identifier(table), sql.SQL(what), sql.Identifier(name), sql.SQL(definition)
    )
