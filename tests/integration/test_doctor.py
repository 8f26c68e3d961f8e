"""`touchline doctor` beside a database: its schema, clock, pooler and workers."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.db.session import make_engine
from app.core.settings import Settings
from app.doctor.findings import Finding, State
from app.doctor.services import check_database
from app.health.tables import WorkerHeartbeat
from tests.api_server import RunningApi, make_settings
from tests.databases import PostgresOfTests
from tests.poolers import running_pgbouncer
from tests.services import open_folder


@pytest.fixture(scope="module")
def url(postgres: PostgresOfTests) -> Iterator[str]:
    with postgres.fresh_database() as found:
        yield found


def findings(url: str, data_dir: Path, **options: object) -> dict[str, Finding]:
    settings = make_settings(data_dir=data_dir, database_url=url, **options)
    return by_part(settings)


def by_part(settings: Settings) -> dict[str, Finding]:
    return {one.part: one for one in check_database(settings)}


def test_a_migrated_database_is_well_and_workers_that_are_away_a_warning(
    url: str, tmp_path: Path
) -> None:
    found = findings(url, tmp_path)

    assert found["database"].state is State.OK
    assert "directly" in found["database"].words
    assert found["schema"].state is found["clock"].state is State.OK
    assert found["gpu worker"].state is State.WARNING
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_to_be_migrated(
    empty_database_url: str, tmp_path: Path
) -> None:
    found = findings(empty_database_url, tmp_path)

    assert found["schema"].state is State.PROBLEM
    assert "touchline migrate" in found["schema"].remedy
    assert "gpu worker" not in found


@pytest.mark.parametrize(
    ("revision", "remedy"),
    [("0001", "touchline migrate"), ("9999", "run that release")],
)
def test_an_older_and_a_newer_schema_are_told_apart(
    url: str, tmp_path: Path, revision: str, remedy: str
) -> None:
    engine = make_engine(url, pool_size=1)
    set_revision = text("update alembic_version set version_num = :to")
    try:
        with engine.begin() as connection:
            kept = connection.scalar(text("select version_num from alembic_version"))
            connection.execute(set_revision, {"to": revision})
        found = findings(url, tmp_path)
        with engine.begin() as connection:
            connection.execute(set_revision, {"to": kept})
    finally:
        engine.dispose()

    assert found["schema"].state is State.PROBLEM
    assert remedy in found["schema"].remedy


def test_a_clock_that_is_wrong_is_told(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, states = time.time, []
    for by_s in (0, 10, 600):
        monkeypatch.setattr(
            "app.doctor.services.time.time", lambda by=by_s: real() + by
        )
        states.append(findings(url, tmp_path)["clock"].state)

    assert states == [State.OK, State.WARNING, State.PROBLEM]


def test_more_api_processes_than_the_server_has_connections_for(
    url: str, tmp_path: Path
) -> None:
    found = findings(url, tmp_path, api_processes=64)

    assert found["connections"].state is State.WARNING
    assert "max_connections" in found["connections"].remedy


def test_a_pooler_is_noticed(url: str, tmp_path: Path) -> None:
    with open_folder() as folder, running_pgbouncer(url, folder) as pooled:
        found = findings(pooled, tmp_path)

    assert "through a pooler" in found["database"].words
    assert found["schema"].state is State.OK


def test_a_worker_that_is_away_is_a_problem_while_the_api_answers(
    api: RunningApi,
) -> None:
    port = int(api.url.rpartition(":")[2])
    with api.service.sessions.begin() as session:
        for kind, info in {"gpu": {}, "media": {"problem": "no codec"}}.items():
            session.add(
                WorkerHeartbeat(
                    name=kind, kind=kind, seen_at=datetime.now(UTC), info=info
                )
            )
    settings = api.service.settings.model_copy(update={"port": port})

    found = by_part(settings)

    assert found["gpu worker"].state is State.OK
    assert found["media worker"].state is State.PROBLEM
    assert found["media worker"].words == "no codec"
    assert found["background worker"].state is State.PROBLEM
    assert found["train worker"].state is State.OK
    assert "none" in found["train worker"].words
