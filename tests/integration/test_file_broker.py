"""The broker of files, after power cuts, full disks and people who tidied up.

Messages go through Celery's real worker, in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.core.broker.notifier import GPU_QUEUE, JobNotifier, make_celery
from app.core.settings import Settings
from tests.api_server import make_settings

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0  # a busy machine is slow; nothing here measures speed
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
A_DAY_S = 86400.0


class Worker:
    """A running worker that writes down which jobs it was told of."""

    def __init__(self, settings: Settings) -> None:
        self.data_dir = settings.data_dir
        self.log = settings.data_dir / "worker.log"
        command = [sys.executable, "-m", "celery", "-A"]
        command += ["tests.integration.noting_worker", "worker", "-Q", GPU_QUEUE]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *QUIET, "--loglevel", "INFO"],
                env={**os.environ, "TOUCHLINE_DATA_DIR": str(settings.data_dir)},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def noted(self) -> list[UUID]:
        notes = self.data_dir / "noted"
        return (
            [UUID(line) for line in notes.read_text().split()] if notes.exists() else []
        )

    def wait_until(self, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not look():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(data_dir=tmp_path / "data")


@pytest.fixture
def messages(settings: Settings) -> Path:
    folder = settings.data_dir / "broker" / "messages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def notifier(settings: Settings) -> JobNotifier:
    return JobNotifier(make_celery(settings))


@pytest.fixture
def start_worker(settings: Settings) -> Iterator[Callable[[], Worker]]:
    started: list[Worker] = []

    def start() -> Worker:
        started.append(Worker(settings))
        return started[-1]

    yield start
    for worker in started:
        worker.end()


def remove(folder: Path) -> None:
    """Remove a folder at once: a worker that looks into it makes it again."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    shutil.rmtree(aside)


def put_a_file_in_place_of(folder: Path) -> None:
    """Put a file where the folder is, between two looks of a worker."""
    while not folder.is_file():
        remove(folder)
        with suppress(IsADirectoryError):
            folder.write_bytes(b"a file is no folder")


def test_damaged_messages_are_dropped_and_the_good_ones_between_them_arrive(
    messages: Path, notifier: JobNotifier, start_worker: Callable[[], Worker]
) -> None:
    jobs = [uuid4(), uuid4()]
    notifier.notify_job(jobs[0])
    (good,) = messages.iterdir()
    damaged = _damage(json.loads(good.read_text()))
    for name, content in damaged.items():
        (messages / f"0_{name}.gpu.msg").write_bytes(content)
    (messages / "0_folder.gpu.msg").mkdir()
    (messages / ".DS_Store").write_bytes(b"Bud1")
    notifier.notify_job(jobs[1])

    worker = start_worker()
    worker.wait_until(lambda: len(worker.noted()) == len(jobs))

    assert worker.noted() == jobs
    assert worker.log.read_text().count("message_dropped") == len(damaged)
    assert notifier.waiting(GPU_QUEUE) == 0
    assert {path.name for path in messages.iterdir()} == {
        ".DS_Store",
        "0_folder.gpu.msg",
    }


def test_a_worker_goes_on_when_the_folder_is_removed_under_it(
    settings: Settings,
    messages: Path,
    notifier: JobNotifier,
    start_worker: Callable[[], Worker],
) -> None:
    jobs = [uuid4(), uuid4()]
    worker = start_worker()
    notifier.notify_job(jobs[0])
    worker.wait_until(lambda: len(worker.noted()) == 1)

    remove(settings.data_dir / "broker")
    worker.wait_until(messages.exists)
    told = notifier.notify_job(jobs[1])

    assert told
    worker.wait_until(lambda: worker.noted() == jobs)


@pytest.mark.costly
def test_a_worker_outlives_a_folder_that_cannot_be_used(
    messages: Path, notifier: JobNotifier, start_worker: Callable[[], Worker]
) -> None:
    jobs = [uuid4(), uuid4()]
    worker = start_worker()
    notifier.notify_job(jobs[0])
    worker.wait_until(lambda: len(worker.noted()) == 1)
    put_a_file_in_place_of(messages)
    worker.wait_until(lambda: "broker_folder_unusable" in worker.log.read_text())

    problem, told = notifier.problem(), notifier.notify_job(uuid4())
    messages.unlink()
    told_again = notifier.notify_job(jobs[1])

    assert problem == "it does not answer"
    assert (told, told_again) == (False, True)
    worker.wait_until(lambda: worker.noted() == jobs)
    assert worker.log.read_text().count("broker_folder_unusable") == 1


def test_a_worker_waits_for_a_folder_that_can_be_used(
    messages: Path, notifier: JobNotifier, start_worker: Callable[[], Worker]
) -> None:
    put_a_file_in_place_of(messages)
    job = uuid4()

    worker = start_worker()
    worker.wait_until(lambda: "Cannot connect" in worker.log.read_text())
    messages.unlink()

    assert notifier.notify_job(job)
    worker.wait_until(lambda: worker.noted() == [job])


@pytest.mark.parametrize(
    "content", [b"", b"[[", b"\0" * 64], ids=["empty", "cut", "zeros"]
)
def test_tables_of_exchanges_left_damaged_by_earlier_versions_matter_to_nobody(
    settings: Settings,
    content: bytes,
    notifier: JobNotifier,
    start_worker: Callable[[], Worker],
) -> None:
    control = settings.data_dir / "broker" / "control"
    control.mkdir(parents=True)
    for name in ("", "gpu", "background"):
        (control / f"{name}.exchange").write_bytes(content)
    job = uuid4()

    worker = start_worker()

    assert notifier.notify_job(job)
    worker.wait_until(lambda: worker.noted() == [job])


def test_what_dead_processes_were_writing_or_reading_is_removed_after_a_while(
    messages: Path, start_worker: Callable[[], Worker]
) -> None:
    old, new = messages / "1_a.gpu.msg.part", messages / "2_b.gpu.msg.taken"
    for path in (old, new):
        path.touch()
    os.utime(old, times=(time.time() - A_DAY_S,) * 2)

    worker = start_worker()
    worker.wait_until(lambda: not old.exists())

    assert new.exists()


def test_a_broker_without_a_folder_answers(notifier: JobNotifier) -> None:
    assert notifier.problem() is None
    assert notifier.waiting(GPU_QUEUE) == 0


def _damage(message: dict[str, object]) -> dict[str, bytes]:
    """Give what may lie where a message lay, by kind."""
    whole = json.dumps(message).encode()
    return {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "zeros": b"\0" * len(whole),
        "rubbish": bytes(range(256)),
        "too long": b"[" * 2**21,
        "nested": b"[" * 100_000,
        "a list": b"[]",
        "no message": b'{"properties": 3}',
        "no headers": json.dumps({**message, "headers": None}).encode(),
        "no task": json.dumps({**message, "headers": {"id": "1"}}).encode(),
        "no base64": json.dumps({**message, "body": "?"}).encode(),
    }
