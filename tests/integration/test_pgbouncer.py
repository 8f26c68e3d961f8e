"""The service behind PgBouncer, in each of the ways that people run it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from sqlalchemy import text

from app.core.db.migrate import upgrade
from app.core.db.session import STATEMENT_TIMEOUT_S, make_engine, make_sessions
from tests.api_server import make_settings, running_api
from tests.poolers import running_pgbouncer
from tests.services import open_folder

IGNORING = "ignore_startup_parameters = options"
REQUESTS = 400


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.mark.parametrize("more", ["", IGNORING], ids=["refuses", "ignores"])
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_each_transaction_has_its_limits_and_its_time_zone(
    database_url: str,
    folder: Path,
    mode: Literal["session", "transaction"],
    more: str,
) -> None:
    with running_pgbouncer(
        database_url, folder, mode=mode, pool_size=20, more=more
    ) as url:
        engine = make_engine(url, pool_size=4)
        sessions = make_sessions(engine)

        def look(_: int) -> tuple[str, str]:
            with sessions() as session:
                row = session.execute(
                    text(
                        "select current_setting('statement_timeout'),"
                        " current_setting('timezone')"
                    )
                ).one()
                return row[0], row[1]

        with ThreadPoolExecutor(8) as pool:
            seen = set(pool.map(look, range(100)))
        engine.dispose()
        with psycopg.connect(url) as other:
            left = other.execute("show statement_timeout").fetchone()

    assert seen == {(f"{STATEMENT_TIMEOUT_S // 60}min", "UTC")}
    assert left == ("0",)  # others of the pool have theirs


def test_a_server_itself_is_told_once_per_connection(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.connect() as connection:
        its = connection.connection.dbapi_connection
        assert getattr(its, "is_pooled", None) is False
        assert getattr(its, "prepare_threshold", None) == 5
        shown = connection.scalar(text("show statement_timeout"))
    engine.dispose()

    assert shown == "1min"


def test_every_request_is_answered_in_transaction_mode(
    empty_database_url: str, folder: Path, tmp_path: Path
) -> None:
    """Statements that are prepared on one connection would fail on another."""
    with running_pgbouncer(empty_database_url, folder) as url:
        upgrade(url)
        settings = make_settings(data_dir=tmp_path / "data", database_url=url)
        with running_api(settings) as api:
            made = api.client.post("/videos", files={"file": b"the bytes of a video"})
            paths = (made.headers["location"], "/videos", "/types", "/events")

            def ask(number: int) -> int:
                if number % 10 == 0:
                    body = {"title": f"Match {number}"}
                    return api.client.patch(paths[0], json=body).status_code
                return api.client.get(paths[number % len(paths)]).status_code

            with ThreadPoolExecutor(10) as pool:
                answers = list(pool.map(ask, range(REQUESTS)))

    assert made.status_code == 202
    assert answers == [200] * REQUESTS
