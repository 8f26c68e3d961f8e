"""The background worker sweeps whatever happens, and needs no broker to send."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.core.broker.notifier import JobNotifier
from app.core.db.base import utc_now
from app.core.db.session import Sessions, make_engine, make_sessions
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.storage.interface import ObjectInfo, Storage
from app.core.storage.keys import FOLDERS
from app.core.storage.local import LocalStorage
from app.health.tables import WorkerHeartbeat
from app.webhooks.service import JobOutcome, make_delivery
from tests.fakes import MemoryStorage
from tests.integration.uploaded import Uploaded, upload
from tests.integration.worker_processes import PATIENCE_S, background_worker, wait_until
from tests.services import free_port, running_redis
from worker.loops import FAILURES_SHOWN
from worker.sweep_loop import Sweeping

NODE = "background@here"


@pytest.fixture
def resources(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> Resources:
    return Resources(settings, sessions, storage, notifier)


@pytest.fixture
def hook() -> Iterator[str]:
    """A receiver of webhooks that thanks for each."""

    class Thanks(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(204)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Thanks) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


def info_of(sessions: Sessions) -> dict[str, object]:
    with sessions() as session:
        rows = session.scalars(
            select(WorkerHeartbeat).where(WorkerHeartbeat.kind == "background")
        )
        return next((row.info for row in rows), {})


def is_delivered(job: Uploaded) -> bool:
    return [one.status for one in job.deliveries()] == ["delivered"]


def add_message(job: Uploaded, url: str, settings: Settings) -> None:
    outcome = JobOutcome(job.video_id, job.job_id, "succeeded", {})
    with job.sessions.begin() as session:
        session.add(
            make_delivery(outcome, url=url, base_url=settings.base_url, now=utc_now())
        )


def test_a_sweep_that_ended_well_is_told_with_the_databases_time(
    resources: Resources, sessions: Sessions
) -> None:
    sweeping = Sweeping(resources)
    before = sweeping.report()

    sweeping.sweep_once()

    swept_at = datetime.fromisoformat(str(sweeping.report()["swept_at"]))
    with sessions() as session:
        now = session.scalar(text("select now()"))
    assert before == {"swept_at": None}
    assert now is not None
    assert abs((now - swept_at).total_seconds()) < PATIENCE_S


@pytest.mark.costly
def test_sweeps_that_keep_failing_are_told_until_one_succeeds(
    resources: Resources, empty_database_url: str
) -> None:
    engine = make_engine(empty_database_url)  # It has no tables.
    sweeping = Sweeping(replace(resources, sessions=make_sessions(engine)))

    for _ in range(FAILURES_SHOWN - 1):
        sweeping.sweep_once()
    early = sweeping.report()
    sweeping.sweep_once()
    late = sweeping.report()
    sweeping._resources = resources
    sweeping.sweep_once()
    engine.dispose()

    assert "problem" not in early
    assert "the sweep fails: ProgrammingError" in str(late["problem"])
    assert "problem" not in sweeping.report()


@pytest.mark.costly
def test_a_step_that_keeps_failing_has_no_round_list_all_objects(
    resources: Resources, sessions: Sessions
) -> None:
    class Counting(MemoryStorage):
        listings = 0

        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            self.listings += 1
            return super().list(prefix)

    with sessions.begin() as session:
        session.execute(text("alter table retention_rules rename to elsewhere"))
    storage = Counting()
    sweeping = Sweeping(replace(resources, storage=storage))

    for _ in range(FAILURES_SHOWN):
        sweeping.sweep_once()

    assert "retention_rules" in str(sweeping.report()["problem"])
    assert storage.listings == len(FOLDERS)


@pytest.mark.costly
def test_a_round_may_raise_anything_and_the_next_one_comes(
    resources: Resources,
) -> None:
    class Broken(LocalStorage):
        def remove_unfinished(self) -> int:
            raise IndexError("a bug")

    settings = resources.settings.model_copy(
        update={"sweep_every": resources.settings.heartbeat}
    )
    broken = Broken(settings.data_dir)
    sweeping = Sweeping(replace(resources, storage=broken, settings=settings))
    leaving = threading.Event()

    thread = sweeping.start(leaving=leaving)
    for _ in range(int(PATIENCE_S / 0.1)):
        if "problem" in sweeping.report() or not thread.is_alive():
            break
        leaving.wait(0.1)
    leaving.set()
    thread.join(PATIENCE_S)

    assert sweeping.report()["problem"] == "the sweep fails: IndexError: a bug"


@pytest.mark.costly
def test_the_background_worker_sweeps_and_says_so_also_before_its_broker_is_there(
    settings: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    (settings.data_dir / "incoming").mkdir(parents=True)
    (settings.data_dir / "incoming" / ".DS_Store").write_text("mine")
    log = tmp_path / "background.log"

    with background_worker(NODE, nowhere, log):
        wait_until(lambda: bool(info_of(sessions).get("swept_at")), "it swept", log)
        first = info_of(sessions)["swept_at"]
        wait_until(lambda: info_of(sessions)["swept_at"] != first, "once more", log)

    assert log.read_text().count("stray_file_skipped") == 1


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("batches", "the batch loop fails: ProgrammingError"),
        ("resumable_uploads", "the completion of uploads fails: ProgrammingError"),
        ("jobs", "the job loop fails: ProgrammingError"),
        ("deliveries", "the sending of webhooks fails: ProgrammingError"),
    ],
)
def test_each_loop_that_keeps_failing_is_told_until_it_succeeds(
    settings: Settings, sessions: Sessions, tmp_path: Path, table: str, told: str
) -> None:
    log = tmp_path / "background.log"

    def rename(old: str, new: str) -> None:
        with sessions.begin() as session:
            session.execute(text(f"alter table {old} rename to {new}"))

    def problem() -> str:
        return str(info_of(sessions).get("problem", ""))

    with background_worker(NODE, settings, log):
        wait_until(lambda: bool(info_of(sessions).get("swept_at")), "it swept", log)
        rename(table, "away")
        wait_until(lambda: told in problem(), told, log)
        rename("away", table)
        wait_until(lambda: told not in problem(), "all is well again", log)


@pytest.mark.costly
def test_a_webhook_is_sent_after_redis_died_and_came_back_without_its_messages(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    hook: str,
    tmp_path: Path,
) -> None:
    port, log = free_port(), tmp_path / "background.log"
    settings = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"})
    (tmp_path / "video").write_bytes(b"bytes")
    jobs = [
        upload(tmp_path / "video", sessions=sessions, storage=storage) for _ in range(2)
    ]

    with background_worker(NODE, settings, log) as worker:
        with running_redis(tmp_path, port=port):
            add_message(jobs[0], hook, settings)
            wait_until(lambda: is_delivered(jobs[0]), "the first was sent", log)
        add_message(jobs[1], hook, settings)
        with running_redis(tmp_path, port=port):
            wait_until(lambda: is_delivered(jobs[1]), "the second was sent", log)

        assert worker.poll() is None
