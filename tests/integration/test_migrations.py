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
_BEFORE_PROJECTS = "0005"
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


def test_videos_of_before_belong_to_the_default_project(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, _BEFORE_PROJECTS)
    with engine.begin() as connection:
        connection.execute(text(_ONE_JOB))

    upgrade(empty_database_url)

    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "select name, videos.created_by, jobs.created_by from videos "
                "join projects on projects.id = project_id "
                "join jobs on video_id = videos.id"
            )
        ).all()
        connection.execute(text("update videos set created_by = 'key:x'"))
    assert [tuple(row) for row in rows] == [("default", "local", "local")]
    downgrade(empty_database_url, _BEFORE_PROJECTS)
    assert "projects" not in _tables(engine)


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


_FULL = """
    insert into videos (id, storage_key, size_bytes, sha256, created_at, current_job_id)
    values ('00000000-0000-0000-0000-00000000000a', 'key', 1, 'x', now(),
        '00000000-0000-0000-0000-000000000001');
    insert into jobs (id, video_id, model, status, progress, attempt, cancel_requested,
        checkpoint, scores_key, scores_sha256, event_counts, warnings, created_at,
        finished_at)
    values
        ('00000000-0000-0000-0000-000000000001',
         '00000000-0000-0000-0000-00000000000a', 'tiny', 'succeeded', 1, 1, false,
         '{"name": "tiny", "version": null}', 'scores', 'abc', '{"PASS": 2}', 'null',
         '2026-01-01', '2026-01-02'),
        ('00000000-0000-0000-0000-000000000002',
         '00000000-0000-0000-0000-00000000000a', null, 'queued', 0, 0, false,
         null, null, null, null, null, '2026-01-03', null);
    insert into events (video_id, job_id, seq, time_ms, pts, frame, label, score)
    select '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-000000000001', seq, seq, seq, seq, 'PASS', 0.5
    from generate_series(0, 1) as seq;
    insert into deliveries (id, video_id, job_id, type, url, body, status, attempt,
        created_at)
    select id, video_id, id, 'video.completed', 'http://x/', '{}', 'pending', 0, now()
    from jobs where status = 'succeeded';
    insert into delivery_attempts (delivery_id, number, at, duration_ms)
    select id, 1, now(), 5 from deliveries;
    insert into upload_keys (key, video_id, job_id, touched_at, created_at)
    select 'key', video_id, id, now(), now() from jobs where status = 'queued';
    insert into webhook_endpoints (endpoint, slow_streak, seen_at)
    values ('x', 0, now());
    insert into worker_beats (name, kind, seen_at, info)
    values ('gpu here', 'gpu', now(), '{"state": "ready"}')
"""
_EARLIER = (
    *("videos", "jobs", "events", "deliveries", "delivery_attempts", "upload_keys"),
    *("webhook_endpoints", "worker_beats"),
)


def _rows(engine: Engine, tables: tuple[str, ...]) -> dict[str, list[object]]:
    """Read whole tables; the order of columns and rows does not matter."""
    with engine.begin() as connection:
        return {
            table: sorted(
                connection.scalars(
                    text(f"select to_jsonb({table}) from {table}")
                ).all(),
                key=str,
            )
            for table in tables
        }


def test_what_jobs_found_becomes_analyses_and_comes_back_unchanged(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    before = _rows(engine, _EARLIER)

    upgrade(empty_database_url, "0004")

    with engine.begin() as connection:
        shown = connection.execute(
            text(
                "select analyses.*, jobs.kind, jobs.params, jobs.result from videos "
                "join analyses on analyses.id = videos.current_analysis_id "
                "join jobs on jobs.id = analyses.job_id"
            )
        ).one()
        events = connection.scalar(
            text(
                "select count(*) from events join analyses on analyses.id = analysis_id"
            )
        )
        waiting = connection.execute(
            text("select kind, params, result from jobs where status = 'queued'")
        ).one()
    checkpoint = {"name": "tiny", "version": None}
    assert str(shown.id) == str(shown.job_id) == f"{'0' * 8}-0000-0000-0000-{1:012d}"
    assert (shown.scores_key, shown.scores_sha256) == ("scores", "abc")
    assert (shown.checkpoint, shown.event_counts) == (checkpoint, {"PASS": 2})
    assert (shown.warnings, shown.requested_at.day) == ({}, 1)
    assert (shown.kind, shown.params) == ("spot", {"model": "tiny"})
    assert shown.result == {
        **{"checkpoint": checkpoint, "counts": {"PASS": 2}, "warnings": None},
    }
    assert events == 2
    assert tuple(waiting) == ("spot", {"model": None}, None)

    with engine.begin() as connection:  # of the new release; an older one knows none
        connection.execute(
            text(
                "insert into jobs (id, kind, status, progress, attempt, "
                "cancel_requested, created_at) values (gen_random_uuid(), 'thumbnails',"
                " 'queued', 0, 0, false, now())"
            )
        )
    downgrade(empty_database_url, "0003")

    assert _rows(engine, _EARLIER) == before


def test_a_downgrade_gives_events_back_to_their_job_whatever_their_analysis_is_called(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    before = _rows(engine, ("videos", "events"))
    upgrade(empty_database_url, "0004")
    rename = """
        insert into analyses select gen_random_uuid(), video_id,
            (select id from jobs where status = 'queued'), checkpoint, scores_key,
            scores_sha256, event_counts, warnings, requested_at, created_at
        from analyses;
        update events set analysis_id = (select id from analyses where id <> job_id);
        update videos set current_analysis_id =
            (select id from analyses where id <> job_id)
    """
    with engine.begin() as connection:
        connection.execute(text(rename))

    downgrade(empty_database_url, "0003")

    with engine.begin() as connection:
        queued = connection.scalar(text("select id from jobs where status = 'queued'"))
        owners = set(connection.scalars(text("select job_id from events")))
        shown = connection.scalar(text("select current_job_id from videos"))
    assert before["events"]
    assert (owners, shown) == ({queued}, queued)


_MANY_EVENTS = """
    insert into events (video_id, analysis_id, seq, time_ms, pts, frame, label, score)
    select video_id, id, seq, seq, seq, seq, 'PASS', 0.5
    from analyses, generate_series(2, 5000) as seq
"""


def test_events_of_before_have_no_team_and_lose_nothing_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0007")
    with engine.begin() as connection:
        connection.execute(text(_MANY_EVENTS))
        file_of_before = connection.scalar(
            text("select pg_relation_filepath('events')")
        )
    before = _rows(engine, ("analyses", "events"))

    upgrade(empty_database_url, "0008")

    with engine.begin() as connection:
        file_of_after = connection.scalar(text("select pg_relation_filepath('events')"))
        told = connection.scalar(text("select count(team) from events"))
        # Code of the release before still writes, and the new code writes teams.
        connection.execute(text(_MANY_EVENTS.replace("2, 5000", "5001, 5001")))
        connection.execute(text("update events set team = 'left' where seq = 5001"))
        connection.execute(text("delete from events where seq = 5001"))
    assert file_of_after == file_of_before  # The table was not rewritten.
    assert told == 0
    assert len(before["events"]) == 5001

    downgrade(empty_database_url, "0007")

    assert _rows(engine, ("analyses", "events")) == before
