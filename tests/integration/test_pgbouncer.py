"""The service behind PgBouncer, in each of the ways that people run it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from sqlalchemy import select, text

from app.core.db.migrate import upgrade
from app.core.db.session import (
    STATEMENT_TIMEOUT_S,
    Sessions,
    make_engine,
    make_sessions,
)
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.tables import WorkerHeartbeat
from app.jobs.tables import JobStatus
from tests.api_server import make_settings, running_api
from tests.integration.test_api_streams import listening
from tests.integration.test_live import SHOT, Worker, beat, begin
from tests.integration.uploaded import upload
from tests.integration.worker_processes import (
    background_worker,
    gpu_worker,
    media_worker,
    wait_until,
)
from tests.live_fakes import FakeFacts
from tests.poolers import running_pgbouncer
from tests.receivers import running_receiver
from tests.services import open_folder
from tests.videos import draw_video

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


@pytest.mark.costly
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


@pytest.mark.nightly
@pytest.mark.slow
def test_workers_run_jobs_and_send_webhooks_in_transaction_mode(
    settings: Settings,
    storage: Storage,
    models: Path,
    redis_url: str,
    folder: Path,
    tmp_path: Path,
) -> None:
    draw_video(tmp_path / "a.mp4", frames=60, fps=15, size=(96, 54))
    logs = {kind: tmp_path / f"{kind}.log" for kind in ("gpu", "media", "background")}
    with (
        running_receiver() as receiver,
        running_pgbouncer(str(settings.database_url), folder, pool_size=6) as url,
    ):
        pooled = settings.model_copy(update={"database_url": url})
        pooled = pooled.model_copy(update={"redis_url": redis_url})
        engine = make_engine(url)
        sessions = make_sessions(engine)
        job = upload(
            tmp_path / "a.mp4",
            sessions=sessions,
            storage=storage,
            callback_url=receiver.url,
        )
        with (
            gpu_worker("gpu@here", pooled, logs["gpu"]),
            media_worker("media@here", pooled, logs["media"]),
            background_worker("background@here", pooled, logs["background"]),
        ):
            wait_until(
                lambda: bool(receiver.received), "its end is told", logs["background"]
            )
            wait_until(
                lambda: "swept" in beats(sessions), "it sweeps", logs["background"]
            )
        ended, events = job.job(), job.events()
        engine.dispose()

    assert (ended.status, ended.attempt) == ("succeeded", 1)
    assert events
    written = "".join(log.read_text() for log in logs.values())
    assert "Traceback" not in written
    assert "does not exist" not in written  # a statement prepared on another connection


def beats(sessions: Sessions) -> str:
    """Give what living workers tell of themselves, as text."""
    with sessions() as session:
        return str([row.info for row in session.scalars(select(WorkerHeartbeat))])


def test_a_live_stream_is_watched_in_transaction_mode(
    database_url: str, folder: Path, tmp_path: Path
) -> None:
    """There is no LISTEN behind a pooler: the hub looks often."""
    with running_pgbouncer(database_url, folder, pool_size=10) as url:
        settings = make_settings(
            data_dir=tmp_path / "data",
            database_url=url,
            heartbeat=timedelta(seconds=1),
            lease=timedelta(seconds=30),
        )
        with running_api(settings) as api:
            beat(api)
            video = begin(api)
            worker = Worker()
            with (
                listening(api, f"/live/{video['id']}/events/stream") as heard,
                worker.running(api, video["job"]["id"]) as script,
            ):
                script.items.put(FakeFacts())
                script.step(0.0)
                script.step(1.0, SHOT)
                (first,) = heard.wait_for("provisional")
                script.end()
                (end,) = heard.wait_for("end")

    assert first["type"] == "PASS"
    assert (end["state"], worker.status) == ("ended", JobStatus.SUCCEEDED)
