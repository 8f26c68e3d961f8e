"""Databases of tests: migrated once, and emptied for the next test that asks.

To copy and drop a database costs ten times as much as to delete its few rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Composed, Identifier

TEMPLATE = "touchline"  # the database that `running_postgres` migrates
ONES_OWN = (  # what a test can have changed of a database that is not a row
    "select md5(string_agg(word, ',' order by word)) from ("
    " select attrelid::regclass || '.' || attname || atttypid || attnotnull as word"
    "  from pg_attribute join pg_class on attrelid = pg_class.oid"
    "  where relnamespace = 'public'::regnamespace and attnum > 0"
    " union all select conname || pg_get_constraintdef(oid) from pg_constraint"
    "  where connamespace = 'public'::regnamespace"
    " union all select tgname from pg_trigger where not tgisinternal"
    " union all select proname from pg_proc"
    "  where pronamespace = 'public'::regnamespace"
    " union all select nspname from pg_namespace where nspname !~ '^pg_'"
    " union all select setconfig::text from pg_db_role_setting"
    "  join pg_database on setdatabase = pg_database.oid"
    "  where datname = current_database()) words"
)


class PostgresOfTests:
    """One server for the whole session, whose databases are used again."""

    def __init__(self, template_url: str) -> None:
        self._template_url = template_url
        self._clean: list[str] = []  # migrated, empty, used by nobody
        with self._connect(TEMPLATE) as template:
            self._shape = _shape_of(template)
            self._first_rows = _rows_of(template)

    def url_of(self, database: str) -> str:
        return self._template_url.replace(f"/{TEMPLATE}?", f"/{database}?")

    @contextmanager
    def fresh_database(self, *, migrated: bool = True) -> Iterator[str]:
        """Give the URL of a database that holds what migrations put there, or nothing.

        Nobody else has it until the block ends.
        """
        name = self._clean.pop() if migrated and self._clean else self._make(migrated)
        try:
            yield self.url_of(name)
        finally:
            if migrated and self._reset(name):
                self._clean.append(name)
            else:
                self._drop(name)

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self.url_of(database), autocommit=True)

    def _make(self, migrated: bool) -> str:
        name = f"test_{uuid4().hex}"
        template = TEMPLATE if migrated else "template1"
        made = SQL("create database {} template {}")
        with self._connect("postgres") as admin:
            admin.execute(made.format(Identifier(name), Identifier(template)))
        return name

    def _drop(self, name: str) -> None:
        dropped = SQL("drop database if exists {} with (force)")
        with self._connect("postgres") as admin:
            admin.execute(dropped.format(Identifier(name)))

    def _reset(self, name: str) -> bool:
        """End a test's connections and delete its rows; False: to be dropped."""
        try:
            with self._connect(name) as connection:
                # Waits for their end, so that none writes once the rows are gone.
                connection.execute(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
                if _shape_of(connection) != self._shape:
                    return False
                _put_rows(connection, self._first_rows)
        except psycopg.Error:
            return False
        return True


Rows = dict[str, list[str]]  # by table; each row as the text of its composite value


def _shape_of(connection: psycopg.Connection) -> object:
    return connection.execute(ONES_OWN).fetchone()


def _rows_of(connection: psycopg.Connection) -> Rows:
    tables = connection.execute(
        "select tablename from pg_tables where schemaname = 'public'"
    )
    return {
        str(table): [
            str(row)
            for (row,) in connection.execute(
                SQL("select t::text from {} t").format(Identifier(table))
            )
        ]
        for (table,) in tables.fetchall()
    }


def _put_rows(connection: psycopg.Connection, rows: Rows) -> None:
    """Let every table hold these rows alone."""
    with connection.transaction():
        # All at once is right by itself: foreign keys need no order.
        connection.execute("set local session_replication_role = replica")
        emptied: list[Composed] = [
            SQL("delete from {}").format(Identifier(table)) for table in rows
        ]
        connection.execute(SQL(";").join(emptied))
        for table, kept in rows.items():
            for row in kept:
                put = SQL("insert into {0} select ({1}::text::{0}).*")
                connection.execute(put.format(Identifier(table), row))
