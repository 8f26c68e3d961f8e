"""Migrations against a real Postgres: up, down, and nothing left to do."""

import threading
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from app.core.db.base import Base
from app.core.db.migrate import downgrade, migration_config, upgrade
from app.core.db.session import database_url as read_url
from app.core.errors import StartFailed

_ONE_JOB = """
    insert into videos (id, storage_key, size_bytes, sha256, created_at)
    values ('00000000-0000-0000-0000-000000000001', 'key', 1, 'x', now());
    insert into jobs (id, video_id, status, progress, attempt, cancel_requested,
        created_at)
    select id, id, 'succeeded', 1, 1, false, now() from videos
"""
_DELIVERY = """
    insert into deliveries (id, video_id, job_id, type, url, body, status, attempt,
        created_at)
    select gen_random_uuid(), id, id, 'video.completed', :url, '{}', 'pending', 3,
        now() from jobs
"""


@pytest.fixture
def engine(empty_database_url: str) -> Engine:
    return create_engine(read_url(empty_database_url), poolclass=NullPool)


def test_alembic_check_finds_nothing_after_the_upgrade(empty_database_url: str) -> None:
    upgrade(empty_database_url)

    command.check(migration_config(empty_database_url))  # raises if models differ


def test_a_second_upgrade_changes_nothing(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url)
    before = _tables(engine)

    upgrade(empty_database_url)

    assert _tables(engine) == before
    assert before == {*Base.metadata.tables, "alembic_version"}


def test_a_downgrade_leaves_no_table_and_can_be_taken_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url)

    downgrade(empty_database_url, "base")
    left = _tables(engine)
    upgrade(empty_database_url)

    assert left == {"alembic_version"}
    assert _tables(engine) == {*Base.metadata.tables, "alembic_version"}


def test_two_upgrades_at_once_both_end_well(
    empty_database_url: str, engine: Engine
) -> None:
    troubles: list[BaseException] = []

    def migrate() -> None:
        try:
            upgrade(empty_database_url)
        except BaseException as exc:  # noqa: BLE001  # shown by the assertion
            troubles.append(exc)

    # Alembic keeps its context in module globals, so a process migrates once at a
    # time; the other comes as another process would, through a lock held meanwhile.
    thread = threading.Thread(target=migrate)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(7164001)"))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(60)

    assert not troubles
    assert "videos" in _tables(engine)


def test_a_migration_gives_up_rather_than_wait_behind_a_long_lock(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("lock table videos in access share mode"))

        with pytest.raises(Exception, match="lock timeout"):
            downgrade(empty_database_url, "base")

    assert "videos" in _tables(engine)


def test_a_database_of_a_newer_release_is_refused_in_words(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))

    with pytest.raises(StartFailed, match="newer release"):
        upgrade(empty_database_url)


def test_a_database_that_does_not_answer_is_one_clear_line() -> None:
    with pytest.raises(StartFailed, match="cannot be migrated") as caught:
        upgrade("postgresql://nobody@127.0.0.1:1/nothing")

    assert "Refused" in str(caught.value) or "refused" in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///x.db", "nonsense"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(StartFailed, match="TOUCHLINE_DATABASE_URL"):
        upgrade(url)


def test_messages_that_wait_are_known_by_their_endpoint_after_the_upgrade(
    empty_database_url: str, engine: Engine
) -> None:
    urls = {
        "https://Example.org/hook/a": "example.org",
        "https://example.org:8443?x=/y": "example.org:8443",
        "http://[::1]:80#z": "[::1]:80",
        "HTTPS://example.org": "example.org",
        "nonsense": "",
    }
    upgrade(empty_database_url, "0002")
    with engine.begin() as connection:
        connection.execute(text(_ONE_JOB))
        for url in urls:
            connection.execute(text(_DELIVERY), {"url": url})

    upgrade(empty_database_url)

    with engine.begin() as connection:
        connection.execute(text(_DELIVERY), {"url": "http://old-code/"})
        rows = connection.execute(
            text("select url, endpoint, attempts_allowed, expires_at from deliveries")
        ).all()
    assert {row.url: row.endpoint for row in rows} == {
        **urls,
        "http://old-code/": "old-code",
    }
    assert {(row.attempts_allowed, row.expires_at) for row in rows} == {(10, None)}


def _tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_a_user_who_may_not_make_tables_is_told_in_one_line(
    empty_database_url: str, engine: Engine
) -> None:
    role = f"reader_{uuid4().hex}"
    with engine.begin() as connection:
        connection.execute(text(f"create role {role} login"))
    url = empty_database_url.replace("//postgres@", f"//{role}@")

    with pytest.raises(StartFailed) as why:
        upgrade(url)

    with engine.begin() as connection:
        connection.execute(text(f"drop role {role}"))
    assert str(why.value).endswith("permission denied for schema public")
