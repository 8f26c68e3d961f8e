"""The embedded Postgres starts whatever was left, and knows its own server."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from app.core.db.locate import running_url, serves_another
from app.core.db.session import make_engine
from app.supervisor.embedded_postgres import (
    EmbeddedPostgres,
    start_postgres,
)
from app.supervisor.postgres_leftovers import processes_of
from tests.services import QUICK, open_folder

pytestmark = pytest.mark.costly

PATIENCE_S = 60.0


def start(data_dir: Path) -> EmbeddedPostgres:
    return start_postgres(data_dir, log_path=data_dir / "log", options=QUICK)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory with a cluster that holds a row, and does not run."""
    with open_folder() as folder:
        found = folder / "data"
        found.mkdir()
        server = start(found)
        with psycopg.connect(server.url) as connection:
            connection.execute("create table kept as select 7 as n")
        server.stop()
        yield found
        for process in processes_of(found / "postgres"):
            process.kill()


def kept(url: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute("select n from kept").fetchone()
    return row and row[0]


@pytest.mark.parametrize("name", ["Müller, Hans", '"100%" of it', "ü" * 60])
def test_it_starts_in_a_folder_of_any_name(name: str) -> None:
    with open_folder() as folder:
        data_dir = folder / name
        data_dir.mkdir()

        server = start(data_dir)
        engine = make_engine(server.url)
        with engine.connect() as connection:
            answer = connection.exec_driver_sql("select 7").scalar()
        engine.dispose()
        found = running_url(data_dir)
        server.stop()

        assert answer == 7
        assert found == server.url
        assert processes_of(data_dir / "postgres") == []
        assert server.cluster.sockets == data_dir / "postgres" or (
            not server.cluster.sockets.exists()
        )


def test_a_server_that_was_left_is_ended_though_its_pid_file_is_gone(
    data_dir: Path,
) -> None:
    left = start(data_dir)
    (data_dir / "postgres" / "postmaster.pid").unlink()

    server = start(data_dir)

    assert left.process.wait(PATIENCE_S) == 0
    assert server.cluster.is_ready(server.process.pid)
    assert not server.cluster.is_ready(left.process.pid)
    assert kept(server.url) == 7
    server.stop()


@pytest.mark.nightly
def test_a_server_is_known_by_its_files_after_they_were_moved(data_dir: Path) -> None:
    left = start(data_dir)
    moved = data_dir.with_name("moved")
    data_dir.rename(moved)

    server = start(moved)

    assert left.process.wait(PATIENCE_S) is not None
    assert kept(server.url) == 7
    server.stop()
    moved.rename(data_dir)


def test_backends_of_a_killed_server_do_not_block_the_next(data_dir: Path) -> None:
    left = start(data_dir)
    with psycopg.connect(left.url, autocommit=True) as connection:
        pid = connection.info.backend_pid
        os.kill(pid, signal.SIGSTOP)  # It does not notice that its server dies.
        left.process.kill()
        left.process.wait(PATIENCE_S)
        assert psutil.pid_exists(pid)

        server = start(data_dir)

        assert not psutil.pid_exists(pid)
        assert kept(server.url) == 7
        server.stop()


@pytest.mark.nightly
def test_the_server_of_the_original_is_not_taken_for_that_of_a_copy(
    data_dir: Path,
) -> None:
    original = start(data_dir)
    pid_file = data_dir / "postgres" / "postmaster.pid"
    with open_folder() as folder:
        copy = folder / "copy"
        copy.mkdir()
        shutil.copytree(data_dir / "postgres", copy / "postgres", copy_function=_copy)

        assert serves_another(copy / "postgres", int(pid_file.read_text().split()[0]))
        assert running_url(copy) is None
        assert running_url(data_dir) == original.url
    assert original.process.poll() is None
    original.stop()


def _copy(source: str, target: str) -> None:
    """Copy a file, but no socket."""
    if Path(source).is_file():
        shutil.copy2(source, target)


def test_a_program_that_works_in_the_folder_is_left_alone(data_dir: Path) -> None:
    with subprocess.Popen(["sleep", "600"], cwd=data_dir / "postgres") as visitor:
        server = start(data_dir)

        assert visitor.poll() is None
        server.stop()
        visitor.kill()


def test_a_number_in_a_stale_pid_file_that_is_somebody_elses_is_left_alone(
    data_dir: Path,
) -> None:
    with subprocess.Popen(["sleep", "600"]) as stranger:
        pid_file = data_dir / "postgres" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{data_dir / 'postgres'}\n")

        server = start(data_dir)

        assert kept(server.url) == 7
        assert stranger.poll() is None
        server.stop()
        stranger.kill()
