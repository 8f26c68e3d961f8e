"""A database that tests use again tells the next one nothing."""

import psycopg

from tests.databases import PostgresOfTests

COUNTS = (
    "select (select count(*) from videos), (select count(*) from projects),"
    " (select count(*) from alembic_version)"
)


def test_a_database_comes_back_with_the_rows_of_the_migrations_alone(
    postgres: PostgresOfTests,
) -> None:
    with postgres.fresh_database() as first, psycopg.connect(first) as connection:
        connection.execute(
            "insert into videos (id, storage_key, size_bytes, sha256, created_at)"
            " values (gen_random_uuid(), 'k', 1, 's', now())"
        )
        connection.execute("insert into projects select gen_random_uuid(), 'x', now()")
        connection.execute("delete from alembic_version")

    with postgres.fresh_database() as second, psycopg.connect(second) as connection:
        assert second == first
        assert connection.execute(COUNTS).fetchone() == (0, 1, 1)


def test_a_database_that_was_changed_by_more_than_rows_is_given_to_nobody_else(
    postgres: PostgresOfTests,
) -> None:
    with postgres.fresh_database() as first, psycopg.connect(first) as connection:
        connection.execute("alter table videos drop column title")

    with postgres.fresh_database() as second, psycopg.connect(second) as connection:
        assert second != first
        connection.execute("select title from videos")


def test_a_connection_that_a_test_left_open_writes_nothing_into_the_next_one(
    postgres: PostgresOfTests,
) -> None:
    with postgres.fresh_database() as url:
        left = psycopg.connect(url)
        left.execute("select count(*) from videos")

    try:
        left.execute("select 1")
    except psycopg.OperationalError:
        return
    finally:
        left.close()
    raise AssertionError("the connection is still there")
