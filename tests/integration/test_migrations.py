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


@pytest.mark.costly
def test_a_second_upgrade_changes_nothing(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url)
    before = _tables(engine)

    upgrade(empty_database_url)

    assert _tables(engine) == before
    assert before == {*Base.metadata.tables, "alembic_version"}


@pytest.mark.costly
def test_a_downgrade_leaves_no_table_and_can_be_taken_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url)

    downgrade(empty_database_url, "base")
    left = _tables(engine)
    upgrade(empty_database_url)

    assert left == {"alembic_version"}
    assert _tables(engine) == {*Base.metadata.tables, "alembic_version"}


@pytest.mark.costly
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


@pytest.mark.costly
def test_a_migration_gives_up_rather_than_wait_behind_a_long_lock(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("lock table videos in access share mode"))

        with pytest.raises(Exception, match="lock timeout"):
            downgrade(empty_database_url, "base")

    assert "videos" in _tables(engine)


@pytest.mark.costly
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


@pytest.mark.costly
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


@pytest.mark.costly
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


@pytest.mark.costly
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


@pytest.mark.costly
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


@pytest.mark.costly
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


_KEPT_BY_CORRECTIONS = ("jobs", "analyses", "events", "deliveries")


@pytest.mark.costly
def test_videos_of_before_can_be_corrected_and_lose_nothing_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0008")
    before = _rows(engine, (*_KEPT_BY_CORRECTIONS, "videos", "upload_keys"))
    with engine.begin() as connection:
        file_of_before = connection.scalar(
            text("select pg_relation_filepath('videos')")
        )

    upgrade(empty_database_url, "0009")

    with engine.begin() as connection:
        file_of_after = connection.scalar(text("select pg_relation_filepath('videos')"))
        revisions = connection.scalars(text("select revision from videos")).all()
        # Code of the release before still writes, and the new code writes decisions.
        connection.execute(
            text(
                "insert into videos (id, storage_key, size_bytes, sha256, created_at) "
                "values (gen_random_uuid(), 'other', 1, 'y', now())"
            )
        )
        connection.execute(text("delete from videos where storage_key = 'other'"))
        connection.execute(text(_DECISION))
    assert file_of_after == file_of_before  # The table was not rewritten.
    assert revisions == [0]

    downgrade(empty_database_url, "0008")

    assert _rows(engine, (*_KEPT_BY_CORRECTIONS, "videos", "upload_keys")) == before
    assert "annotations" not in _tables(engine)


@pytest.mark.costly
def test_a_deleted_video_takes_what_people_said_along(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text(_DECISION))

        connection.execute(text("delete from videos"))

    tables = ("annotations", "decisions", "reviewed_stretches")
    assert _rows(engine, tables) == {table: [] for table in tables}


_DECISION = """
    insert into annotations (id, video_id, revision, step_id, event_id, author, action,
        created_at)
    select gen_random_uuid(), id, 1, id, id, 'local', 'accept', now() from videos;
    insert into decisions (video_id, event_id, state, source, label, frame, time_ms,
        attributes, revision, author, decided_at)
    select id, id, 'accepted', 'model', 'PASS', 1, 40, '{}', 1, 'local', now()
    from videos;
    insert into reviewed_stretches (video_id, from_ms, to_ms, author, created_at)
    select id, 0, 1000, 'local', now() from videos
"""
_NAMED = """
    insert into videos (id, title, filename, storage_key, size_bytes, sha256,
        created_at)
    select gen_random_uuid(), title, filename, 'key', 1, 'x', date '2026-01-01'
    from (values ('Évora  Cup', 'A.MP4'), (null, 'b.mp4'), (null, null))
        as named (title, filename)
    union all
    select gen_random_uuid(), 'n ' || n, null, 'key', 1, 'x', date '2026-01-01'
    from generate_series(1, 2500) as n
"""


_THRESHOLDS = """
    insert into video_thresholds
    select id, 'f00d', '{"PASS": 0.4}', 'local', now() from videos;
    insert into model_thresholds
    select id, 'f00d', '{"PASS": 0.3}', 'local', now() from projects
"""


@pytest.mark.costly
def test_saved_thresholds_go_with_their_video_and_the_way_back_costs_nothing_else(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0009")
    tables = ("videos", "jobs", "analyses", "events", "projects")
    before = _rows(engine, tables)

    upgrade(empty_database_url, "0010")
    with engine.begin() as connection:
        connection.execute(text(_THRESHOLDS.replace(":", r"\:")))
    downgrade(empty_database_url, "0009")

    assert _rows(engine, tables) == before
    assert all(before.values())
    upgrade(empty_database_url, "0010")
    with engine.begin() as connection:
        connection.execute(text(_THRESHOLDS.replace(":", r"\:")))
        connection.execute(text("delete from videos"))
        left = [
            connection.scalar(text(f"select count(*) from {kind}_thresholds"))
            for kind in ("video", "model")
        ]
    assert left == [0, 1]


@pytest.mark.costly
def test_copies_for_the_search_go_with_their_video_and_cost_nothing_else(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0017")
    tables = ("videos", "jobs", "analyses", "events", "projects")
    before = _rows(engine, tables)
    copies = """
        insert into searched_timelines (video_id, project_id, revision, facts_version)
        select id, project_id, 0, 0 from videos;
        insert into searched_events (video_id, event_id, project_id, label, time_ms,
            frame, state, attributes)
        select id, id, project_id, 'PASS', 1000, 30, 'suggested', '{}' from videos
    """

    with engine.begin() as connection:
        connection.execute(text(copies))
    downgrade(empty_database_url, "-1")

    kept = ("jobs", "analyses", "events", "projects")
    assert _rows(engine, kept) == {table: before[table] for table in kept}
    assert all(before.values())
    upgrade(empty_database_url, "0017")
    assert _rows(engine, tables) == before
    with engine.begin() as connection:
        connection.execute(text(copies))
        connection.execute(text("delete from videos"))
        left = [
            connection.scalar(text(f"select count(*) from searched_{kind}"))
            for kind in ("timelines", "events")
        ]
    assert left == [0, 0]


@pytest.mark.costly
def test_requests_for_inference_cost_nothing_else_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0024")
    tables = ("videos", "jobs", "analyses", "events", "projects")
    before = _rows(engine, tables)

    upgrade(empty_database_url, "0025")
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into osl_jobs (id, project_id, key, fingerprint, model, head, "
                "labels, items, created_at) select id, id, 'k', 'f', 'm', 'h', '[]', "
                "'[]', now() from projects"
            )
        )
    downgrade(empty_database_url, "0024")

    assert _rows(engine, tables) == before
    assert all(before.values())


@pytest.mark.costly
def test_trainings_and_joins_cost_nothing_else_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0025")
    tables = ("videos", "jobs", "analyses", "events", "projects")
    before = _rows(engine, tables)
    add = """
        insert into jobs (id, kind, project_id, status, progress, attempt,
            cancel_requested, created_at)
        select gen_random_uuid(), 'train', id, 'queued', 0, 0, false, now()
        from projects;
        insert into trainings (id, project_id, job_id, name, options, created_at)
        select id, project_id, id, 'hall', '{}', now() from jobs where kind = 'train';
        insert into training_lines (training_id, number, text, at)
        select id, 1, 'reads', now() from trainings;
        insert into videos (id, source, parts, parts_bytes, created_at)
        values ('00000000-0000-0000-0000-00000000000e', '{"join": "halves"}',
            '{"files": []}', 7, now());
        insert into jobs (id, kind, video_id, status, progress, attempt,
            cancel_requested, created_at)
        select gen_random_uuid(), 'join', id, 'queued', 0, 0, false, now() from videos
    """

    upgrade(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text(add.replace(":", r"\:")))
    downgrade(empty_database_url, "0025")

    assert _rows(engine, tables) == before
    assert all(before.values())


def test_comparisons_and_choices_of_models_cost_nothing_else_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0025")
    tables = ("videos", "jobs", "analyses", "events", "projects")
    before = _rows(engine, tables)
    add = """
        insert into jobs (id, kind, project_id, status, progress, attempt,
            cancel_requested, created_at)
        select gen_random_uuid(), 'compare', id, 'queued', 0, 0, false, now()
        from projects;
        insert into comparisons (id, project_id, job_id, models, holdout, created_at)
        select id, project_id, id, '[]', '[]', now() from jobs where kind = 'compare';
        insert into comparison_moments (comparison_id, number, video_id, time_ms, frame,
            label, is_event, by_model)
        select comparisons.id, 0, videos.id, 1, 1, 'PASS', true, '{}'
        from comparisons, videos limit 1;
        insert into model_choices (id, project_id, name, created_at)
        select id, id, 'hall@1', now() from projects
    """

    upgrade(empty_database_url, "0027")
    with engine.begin() as connection:
        connection.execute(text(add))
    downgrade(empty_database_url, "-1")

    assert _rows(engine, tables) == before
    assert all(before.values())


def test_clips_get_the_project_of_their_video_and_those_of_several_go_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0021")
    add = """
        insert into clips (id, video_id, form, mode, options, events, cuts, created_at)
        select gen_random_uuid(), id, 'reel', 'copy', '{}', '[]', '[]', now()
        from videos
    """
    with engine.begin() as connection:
        connection.execute(text(add))
    before = _rows(engine, ("clips", "videos"))

    upgrade(empty_database_url, "0022")
    with engine.begin() as connection:
        found = connection.execute(
            text(
                "select clips.project_id = videos.project_id from clips "
                "join videos on videos.id = clips.video_id"
            )
        ).all()
        connection.execute(text(add))  # as the code of the release before does
        several = add.replace(" id, 'reel'", " null, 'reel'")
        connection.execute(text(several.replace("copy", "smart")))
        connection.execute(
            text("delete from clips where video_id is not null and project_id is null")
        )
    downgrade(empty_database_url, "0021")

    assert found == [(True,)]
    assert _rows(engine, ("clips", "videos")) == before


@pytest.mark.costly
def test_copies_of_before_are_counted_and_the_release_before_knows_them_again(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0022")
    copies = """
        insert into searched_timelines (video_id, project_id, revision, facts_version,
            thresholds_tag)
        select id, project_id, 0, 0, case when id = (select min(id::text) from
            videos)::uuid then 'tag' end from videos;
        insert into searched_events (video_id, event_id, project_id, label, time_ms,
            frame, state, score, attributes)
        select id, gen_random_uuid(), project_id, case when n < 3 then 'PASS'
            else 'SHOT' end, n, n, 'suggested', n / 10.0, '{}'
        from videos, generate_series(1, 3) n
    """
    with engine.begin() as connection:
        connection.execute(text(copies))
    tables = ("videos", "searched_timelines", "searched_events")
    before = _rows(engine, tables)
    assert all(before.values())

    upgrade(empty_database_url, "0023")

    with engine.begin() as connection:
        counted = connection.execute(
            text(
                "select label, count, max_score, count(*) from searched_counts "
                "group by label, count, max_score order by label"
            )
        ).all()
        tags = set(
            connection.scalars(text("select thresholds_tag from searched_timelines"))
        )
        connection.execute(
            text(
                "insert into saved_searches (id, project_id, name, query, version, "
                "created_at, updated_at) select id, id, 'x', '{}', 1, now(), now() "
                "from projects"
            )
        )
    videos = len(before["videos"])
    assert [tuple(row) for row in counted] == [
        *(("PASS", 2, 0.2, videos), ("SHOT", 1, 0.3, videos)),
    ]
    assert tags == ({"2:tag", "2:"} if videos > 1 else {"2:tag"})

    downgrade(empty_database_url, "0022")

    assert _rows(engine, tables) == before


@pytest.mark.costly
def test_videos_of_before_are_found_by_their_names_and_come_back_unchanged(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0008")
    with engine.begin() as connection:
        connection.execute(text(_NAMED))
    before = _rows(engine, ("videos",))

    upgrade(empty_database_url, "0011")

    with engine.begin() as connection:
        words = connection.execute(
            text("select coalesce(title, filename), search->>'text' from videos")
        ).all()
        # Code of the release before still writes, and the new code writes facts.
        connection.execute(text(_NAMED))
        connection.execute(
            text(
                "insert into event_types (project_id, position, name) "
                "select id, 0, 'PASS' from projects"
            )
        )
        versions = set(connection.scalars(text("select facts_version from videos")))
        connection.execute(
            text(
                "update videos set teams = '[{}]', played_on = now() "
                "where search is not null"
            )
        )
        connection.execute(text("delete from videos where search is null"))
    found: dict[str | None, str] = dict(words)
    assert len(words) == len(before["videos"]) == 2503
    assert found["Évora  Cup"] == "evora cup\na.mp4"
    assert (found["b.mp4"], found[None], found["n 2500"]) == ("b.mp4", "", "n 2500")
    assert versions == {0}

    downgrade(empty_database_url, "0008")

    assert _rows(engine, ("videos",)) == before


def test_videos_of_before_have_no_times_of_frames_and_lose_nothing_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0011")
    before = _rows(engine, ("videos", "jobs"))

    upgrade(empty_database_url, "0012")
    with engine.begin() as connection:
        told = connection.scalar(text("select count(frame_times_key) from videos"))
        connection.execute(text("update videos set frame_times_key = 'key'"))
    downgrade(empty_database_url, "0011")

    assert told == 0
    assert _rows(engine, ("videos", "jobs")) == before


def test_videos_of_before_keep_their_file_and_those_without_one_go_back_with_none(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0012")
    with engine.begin() as connection:
        connection.execute(text(_ONE_JOB))
    before = _rows(engine, ("videos", "jobs"))

    upgrade(empty_database_url, "0013")

    with engine.begin() as connection:
        stored = connection.execute(
            text("select storage_key, size_bytes, duplicate_of, source from videos")
        ).one()
        connection.execute(text(_FETCHED.replace(":", r"\:")))
    assert tuple(stored) == ("key", 1, None, None)

    downgrade(empty_database_url, "0012")

    assert _rows(engine, ("videos", "jobs")) == before


def test_jobs_of_before_saved_nothing_and_what_is_saved_goes_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0017")
    with engine.begin() as connection:
        connection.execute(text(_ONE_JOB))
    before = _rows(engine, ("videos", "jobs"))

    upgrade(empty_database_url, "0024")
    with engine.begin() as connection:
        told = connection.execute(
            text(
                "select saved_key, saved_progress, forgiven_failures,"
                " forgiven_interruptions from jobs"
            )
        ).one()
        connection.execute(text("update jobs set saved_key = 'key'"))
    downgrade(empty_database_url, "0017")

    assert tuple(told) == (None, 0.0, 0, 0)
    assert _rows(engine, ("videos", "jobs")) == before


_FETCHED = """
    insert into videos (id, source, created_at)
    values ('00000000-0000-0000-0000-00000000000d', '{"url": "https://x/"}', now());
    insert into jobs (id, kind, video_id, status, progress, attempt, cancel_requested,
        created_at)
    select gen_random_uuid(), 'download', id, 'queued', 0, 0, false, now() from videos;
    insert into videos (id, storage_key, size_bytes, sha256, duplicate_of, created_at)
    values (gen_random_uuid(), 'other', 1, 'x', '00000000-0000-0000-0000-000000000001',
        now());
    delete from videos where storage_key = 'other';
    insert into resumable_uploads (id, size_bytes, client_metadata, fields, video_id,
        expires_at, created_at)
    select gen_random_uuid(), 4, '', '{}', id, now(), now() from videos
"""


def test_projects_of_before_have_no_quotas_and_lose_nothing_on_the_way_back(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0003")
    with engine.begin() as connection:
        connection.execute(text(_FULL.replace(":", r"\:")))
    upgrade(empty_database_url, "0018")
    tables = ("videos", "jobs", "projects")
    before = _rows(engine, tables)
    upgrade(empty_database_url, "0019")
    quotas = text("select max_stored_bytes, max_queued_hours from projects")

    with engine.begin() as connection:
        first = connection.execute(quotas).all()
        connection.execute(text("update projects set max_stored_bytes = 5e12"))
    downgrade(empty_database_url, "0018")

    assert [tuple(row) for row in first] == [(None, None)]
    assert _rows(engine, tables) == before
    assert all(before.values())


_WEBHOOK = """
    insert into webhooks (id, project_id, url, events, secret_salt, secret_sha256,
        created_at)
    select '00000000-0000-0000-0000-0000000000aa', project_id, 'https://y/z', '{*}',
        '00', '00', now() from videos limit 1;
    insert into deliveries (id, webhook_id, type, url, body, status, attempt,
        created_at)
    select gen_random_uuid(), id, 'ping', url, '{}', 'held', 0, now() from webhooks
"""


@pytest.mark.costly
def test_messages_of_before_go_to_their_host_and_stay_when_webhooks_go(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0017")
    with engine.begin() as connection:
        connection.execute(text(_ONE_JOB))
        connection.execute(text(_DELIVERY), {"url": "https://Example.org:8/hook"})
    before = _rows(engine, ("deliveries", "jobs", "videos"))

    upgrade(empty_database_url)

    with engine.begin() as connection:
        connection.execute(text(_WEBHOOK))
        connection.execute(text(_DELIVERY), {"url": "http://old-code/"})
        receivers = set(connection.scalars(text("select receiver from deliveries")))
        connection.execute(
            text("delete from deliveries where url = 'http://old-code/'")
        )
    webhook = "00000000-0000-0000-0000-0000000000aa"
    assert receivers == {"example.org:8", "old-code", webhook}
    downgrade(empty_database_url, "0017")
    assert _rows(engine, ("deliveries", "jobs", "videos")) == before


@pytest.mark.costly
def test_what_was_held_has_failed_to_code_that_knows_no_such_status(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0017")
    with engine.begin() as connection:
        connection.execute(text(_ONE_JOB))
    upgrade(empty_database_url, "0028")
    with engine.begin() as connection:
        connection.execute(text(_WEBHOOK))
    stands = text("select status from deliveries")

    upgrade(empty_database_url)
    with engine.connect() as connection:
        after = connection.execute(stands).scalars().all()
        held = connection.execute(text("select is_held from deliveries")).scalars()
        assert held.all() == [True]
    downgrade(empty_database_url, "0028")
    with engine.connect() as connection:
        before = connection.execute(stands).scalars().all()

    assert (before, after) == (["held"], ["failed"])


def test_uploads_of_before_are_none_whose_parts_the_bucket_has(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0037")
    with engine.begin() as connection:
        connection.execute(text(_ONE_JOB))
        connection.execute(text(_UPLOAD))
    before = _rows(engine, ("resumable_uploads",))

    upgrade(empty_database_url, "0038")
    with engine.begin() as connection:
        connection.execute(text(_UPLOAD))  # by the release before
        told = connection.execute(
            text("select multipart_id, part_bytes from resumable_uploads")
        ).all()
        connection.execute(
            text("update resumable_uploads set multipart_id = 'm', part_bytes = 4")
        )
    downgrade(empty_database_url, "0037")

    assert [tuple(row) for row in told] == [(None, None)] * 2
    assert len(_rows(engine, ("resumable_uploads",))["resumable_uploads"]) == 2
    assert len(before["resumable_uploads"]) == 1


def test_batches_that_are_open_get_a_week(
    empty_database_url: str, engine: Engine
) -> None:
    upgrade(empty_database_url, "0038")
    with engine.begin() as connection:
        connection.execute(text(_BATCHES))

    upgrade(empty_database_url, "0039")
    with engine.begin() as connection:
        is_week = "open_until - now() between '6 days' and '8 days'"
        told = connection.execute(
            text(f"select status, {is_week} from batches order by status")
        ).all()
        connection.execute(text(_BATCHES))  # by the release before
    downgrade(empty_database_url, "0038")

    assert [tuple(row) for row in told] == [("open", True), ("running", None)]
    assert len(_rows(engine, ("batches",))["batches"]) == 4


_BATCHES = """
    insert into batches (id, source, model, weights, priority, status, created_at,
        created_by)
    select gen_random_uuid(), '{}', 'm', '{}', -5, status, now(), 'local'
    from (values ('open'), ('running')) as given (status)
"""
_UPLOAD = """
    insert into resumable_uploads (id, size_bytes, client_metadata, fields, expires_at,
        created_at)
    values (gen_random_uuid(), 4, '', '{}', now(), now())
"""
