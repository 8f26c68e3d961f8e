"""The health check of a worker's container, run as the container runs it."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.db.session import Sessions
from app.core.process_identity import ProcessIdentity
from app.health.queries import save_heartbeat
from app.health.tables import WorkerHeartbeat
from worker.heartbeat import heartbeat_name

HERE = socket.gethostname()


def check(
    *arguments: str, database_url: str | None, data_dir: Path
) -> "subprocess.CompletedProcess[str]":
    variables = {"TOUCHLINE_DATA_DIR": str(data_dir)}
    if database_url is not None:
        variables["TOUCHLINE_DATABASE_URL"] = database_url
    return subprocess.run(
        [sys.executable, "-P", "-m", "worker.health", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def save(
    sessions: Sessions,
    machine: str,
    *,
    kind: str = "gpu",
    age: timedelta = timedelta(0),
) -> str:
    process = ProcessIdentity(f"{machine}/4026531836", pid=7, started="1")
    name = heartbeat_name(f"{kind}@{machine}", kind=kind, process=process)
    with sessions.begin() as session:
        session.execute(save_heartbeat(name=name, kind=kind, info={}))
        session.get_one(WorkerHeartbeat, name).seen_at -= age
    return name


def test_a_worker_of_this_machine_that_beats_is_healthy(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    save(sessions, HERE)

    done = check("gpu", database_url=database_url, data_dir=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.costly
@pytest.mark.parametrize(
    ("machine", "kind", "age"),
    [
        ("elsewhere", "gpu", timedelta(0)),
        (f"{HERE}0", "gpu", timedelta(0)),
        (f"my-{HERE}", "gpu", timedelta(0)),
        (HERE, "gpu", timedelta(minutes=5)),
        (HERE, "background", timedelta(0)),
    ],
    ids=[
        "of another machine",
        "of one whose name begins alike",
        "of one whose name ends alike",
        "fell silent",
        "of another kind",
    ],
)
def test_without_a_heartbeat_of_its_own_it_is_not(
    sessions: Sessions,
    database_url: str,
    tmp_path: Path,
    machine: str,
    kind: str,
    age: timedelta,
) -> None:
    save(sessions, machine, kind=kind, age=age)

    done = check("gpu", database_url=database_url, data_dir=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("unhealthy: no heartbeat of a gpu worker on ")


@pytest.mark.costly
@pytest.mark.parametrize(
    ("arguments", "url", "words"),
    [
        (["gpu"], None, "no database: set TOUCHLINE_DATABASE_URL"),
        (["gpu"], "postgresql://nobody@127.0.0.1:1/none", "connection"),
        (["gpu"], "mysql://localhost/x", "Touchline keeps its rows in Postgres"),
        (["cpu"], None, "usage: python -m worker.health background|media|gpu"),
        ([], None, "usage: "),
        (["gpu", "well"], None, "usage: "),
    ],
)
def test_what_keeps_it_from_looking_is_told_without_a_traceback(
    tmp_path: Path, arguments: list[str], url: str | None, words: str
) -> None:
    done = check(*arguments, database_url=url, data_dir=tmp_path)

    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.costly
def test_liveness_is_not_for_the_database_to_say(tmp_path: Path) -> None:
    nobody = "postgresql://nobody@127.0.0.1:1/none"

    done = check("gpu", "liveness", database_url=nobody, data_dir=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.costly
def test_liveness_is_for_the_heartbeat_to_say(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    silent = check("gpu", "liveness", database_url=database_url, data_dir=tmp_path)
    save(sessions, HERE)
    heard = check("gpu", "liveness", database_url=database_url, data_dir=tmp_path)

    assert (silent.returncode, heard.returncode) == (1, 0)


@pytest.mark.costly
def test_a_worker_with_a_problem_lives_and_is_not_ready(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    name = save(sessions, HERE)
    with sessions.begin() as session:
        row = session.get_one(WorkerHeartbeat, name)
        row.info = {"problem": "its checkpoint is being loaded"}

    alive = check("gpu", "liveness", database_url=database_url, data_dir=tmp_path)
    ready = check("gpu", "readiness", database_url=database_url, data_dir=tmp_path)

    assert alive.returncode == 0
    assert ready.returncode == 1
    assert ready.stderr == "unhealthy: its checkpoint is being loaded\n"
