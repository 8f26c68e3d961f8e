"""The release before goes on working while and after the schema is upgraded.

The older release is not at hand, so its statements are rebuilt from the schema that it
knew: each table as it was is read, written, changed and emptied in the schema of now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, text
from sqlalchemy.pool import NullPool

from app.core.db.migrate import upgrade
from app.core.db.session import database_url as read_url
from tests.databases import PostgresOfTests

SINCE = "0017"
"""The first release whose code must work with the schema of any later one."""

ROWS = """
    insert into videos (id, storage_key, size_bytes, sha256, created_at)
    values ('00000000-0000-0000-0000-000000000001', 'key', 1, 'x', now());
    insert into jobs (id, video_id, status, progress, attempt, cancel_requested,
        created_at)
    select id, id, 'succeeded', 1, 1, false, now() from videos;
    insert into analyses (id, video_id, job_id, checkpoint, event_counts, warnings,
        requested_at, created_at)
    select id, id, id, '{"name": "tiny"}', '{}', '[]', now(), now() from videos;
    insert into events (video_id, analysis_id, seq, time_ms, pts, frame, label, score)
    select id, id, 1, 1, 1, 1, 'PASS', 0.5 from videos;
    insert into deliveries (id, video_id, job_id, type, url, body, status, attempt,
        created_at)
    select id, id, id, 'video.completed', 'http://x/', '{}', 'pending', 0, now()
    from videos;
    insert into clips (id, video_id, form, mode, options, events, cuts, created_at)
    select id, id, 'reel', 'copy', '{}', '[]', '[]', now() from videos
"""


@dataclass(frozen=True)
class Upgraded:
    """A database that was upgraded with rows in it, and its tables as they were."""

    engine: Engine
    before: MetaData
    rows: dict[str, list[Any]]


@pytest.fixture(scope="module")
def upgraded(postgres: PostgresOfTests) -> Iterator[Upgraded]:
    with postgres.fresh_database(migrated=False) as url:
        upgrade(url, SINCE)
        engine = create_engine(read_url(url), poolclass=NullPool)
        before = MetaData()
        with engine.begin() as connection:
            before.reflect(connection)
            connection.execute(text(ROWS.replace(":", r"\:")))
        before.remove(before.tables["alembic_version"])
        with engine.connect() as connection:
            rows = {one.name: _read(connection, one) for one in _tables(before)}
        upgrade(url)
        yield Upgraded(engine, before, rows)
        engine.dispose()


def test_every_row_is_read_by_the_columns_of_before(upgraded: Upgraded) -> None:
    # The tag of a copy may change: by it each release knows copies of its own.
    with upgraded.engine.connect() as connection:
        now = {one.name: _read(connection, one) for one in _tables(upgraded.before)}

    assert now == upgraded.rows
    filled = {name for name, rows in now.items() if rows}
    assert filled >= {"videos", "jobs", "analyses", "events", "deliveries", "clips"}


def test_no_column_of_before_is_gone_or_of_another_type(upgraded: Upgraded) -> None:
    now = MetaData()
    with upgraded.engine.connect() as connection:
        now.reflect(connection)

    for table in _tables(upgraded.before):
        columns = now.tables[table.name].columns
        for column in table.columns:
            assert str(columns[column.name].type) == str(column.type), column


def test_what_is_new_need_not_be_written(upgraded: Upgraded) -> None:
    """A column that was added has a default, may be null, or is computed."""
    now = MetaData()
    with upgraded.engine.connect() as connection:
        now.reflect(connection)

    added = [
        column
        for table in _tables(upgraded.before)
        for column in now.tables[table.name].columns
        if column.name not in table.columns
    ]
    assert added
    for column in added:
        is_optional = column.nullable or column.server_default is not None
        assert is_optional or column.computed is not None, column


def test_what_could_be_left_out_or_null_still_can(upgraded: Upgraded) -> None:
    now = MetaData()
    with upgraded.engine.connect() as connection:
        now.reflect(connection)

    for table in _tables(upgraded.before):
        for column in table.columns:
            after = now.tables[table.name].columns[column.name]
            assert after.nullable or not column.nullable, column
            has_default = after.server_default is not None
            assert has_default or column.server_default is None, column


def test_rows_are_written_changed_and_deleted_by_statements_of_before(
    upgraded: Upgraded,
) -> None:
    tables = [one for one in _tables(upgraded.before) if upgraded.rows[one.name]]
    with upgraded.engine.connect() as connection, connection.begin() as transaction:
        for table in reversed(tables):
            if table.name != "projects":
                connection.execute(table.delete())
        for table in tables:
            written = [column for column in table.columns if column.computed is None]
            rows = [
                {column.name: row[column.name] for column in written}
                for row in upgraded.rows[table.name]
            ]
            if table.name != "projects":
                connection.execute(table.insert(), rows)
            for row in rows:
                same = [table.c[key.name] == row[key.name] for key in table.primary_key]
                done = connection.execute(table.update().where(*same).values(row))
                assert done.rowcount == 1, table.name
        now = {one.name: _read(connection, one) for one in tables}
        transaction.rollback()

    assert now == {one.name: upgraded.rows[one.name] for one in tables}


def _tables(metadata: MetaData) -> list[Table]:
    return list(metadata.sorted_tables)


def _read(connection: Connection, table: Table) -> list[Any]:
    rows = connection.execute(table.select()).mappings()
    return sorted((dict(row) for row in rows), key=str)
