"""The local Postgres in the data directory: made, started, stopped, taken over.

Whoever starts one must be alone on the data directory: `touchline serve` locks it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from app.core.db.postgres_programs import (
    POSTGRES_MAJOR,
    Account,
    as_account,
    choose_account,
    open_the_way,
    programs_folder,
)
from app.core.errors import StartFailed

SUPERUSER = "postgres"
MAKING = "postgres.new-"  # a cluster on its way
DATABASE = "touchline"
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 100  # bytes; Linux takes 107, macOS 103
START_TIMEOUT_S = 90.0  # a crash recovery on a slow disk takes its time
STOP_TIMEOUT_S = 8.0


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server of ours."""

    url: str  # of the service's database
    data: Path
    sockets: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Shut down fast and clean; kill what does not end in time."""
        if self.process.poll() is None:
            _end(psutil.Process(self.process.pid))
        self.process.wait()
        if self.sockets != self.data:
            shutil.rmtree(self.sockets, ignore_errors=True)


def start_postgres(
    data_dir: Path,
    *,
    log_path: Path,
    options: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> EmbeddedPostgres:
    """Start the server of a data directory; make its cluster first if there is none.

    A server left by a killed run is ended first, so that exactly one, a child of this
    process in a session of its own, serves the files. `options` are `-c name=value`
    settings.

    Raises:
        StartFailed: the package or a user to run as is missing, the cluster is of
            another version, or the server does not come up; says the server's reason.
    """
    data = data_dir / "postgres"
    programs, account = programs_folder(), choose_account(data)
    open_the_way(account, data_dir, programs, say=say)
    _remove_leftover(data)
    if not (data / "PG_VERSION").exists():
        _make_cluster(data, programs, account)
    _check_version(data)
    sockets = _socket_dir(data, account)
    process = _launch(data, sockets, programs, account, log_path, options)
    server = EmbeddedPostgres(_url(sockets, DATABASE), data, sockets, process)
    try:
        _wait_until_ready(process, _url(sockets, SUPERUSER), log_path)
    except BaseException:
        server.stop()
        raise
    return server


def running_url(data_dir: Path) -> str | None:
    """Tell the URL of the server that runs on a data directory; None if none does."""
    lines = _pid_file_lines(data_dir / "postgres")
    if len(lines) < 5 or not _answers(_url(Path(lines[4]), DATABASE)):
        return None
    return _url(Path(lines[4]), DATABASE)


def _remove_leftover(data: Path) -> None:
    """End a server that a killed run left behind, and drop a stale pid file.

    A pid file alone proves nothing: after a restart the number may belong to anybody,
    and Postgres itself would then refuse to start.
    """
    lines = _pid_file_lines(data)
    if not lines:
        return
    try:
        process = psutil.Process(int(lines[0]))
        if str(data) in process.cmdline():
            _end(process)
    except (psutil.NoSuchProcess, ValueError):
        pass
    (data / "postmaster.pid").unlink(missing_ok=True)


def _end(process: psutil.Process) -> None:
    """Ask for a fast shutdown, then for an immediate one, then kill."""
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        try:
            process.send_signal(sign)
            process.wait(STOP_TIMEOUT_S)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
        return


def _make_cluster(data: Path, programs: Path, account: Account | None) -> None:
    """Make a cluster beside its place and move it in whole."""
    if data.exists() and any(data.iterdir()):
        raise StartFailed(
            f"{data} is not empty and not a Postgres cluster: move it away"
        )
    for leftover in data.parent.glob(f"{MAKING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix=MAKING, dir=data.parent))
    if account is not None:
        os.chown(making, account.pw_uid, account.pw_gid)
    command = [
        str(programs / "initdb"),
        *("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"),
        *("-U", SUPERUSER, "-D", str(making)),
    ]
    try:
        done = subprocess.run(  # noqa: S603  # our own words
            command,
            capture_output=True,
            text=True,
            cwd="/",
            start_new_session=True,  # Ctrl-C must not leave half a cluster
            **as_account(account),
        )
        if done.returncode != 0:
            raise StartFailed(f"initdb failed in {data}: {_last_line(done.stderr)}")
        if data.exists():
            data.rmdir()
        making.rename(data)
    except OSError as exc:
        raise StartFailed(f"cannot make a database in {data}: {exc}") from exc
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != POSTGRES_MAJOR:
        raise StartFailed(
            f"{data} was made by Postgres {found}, this is {POSTGRES_MAJOR}: "
            "dump it with the old release and load it into a new data directory"
        )


def _socket_dir(data: Path, account: Account | None) -> Path:
    """The cluster itself, or a private folder if its path is too long for a socket."""
    if len(os.fsencode(data / SOCKET_NAME)) <= MAX_SOCKET_PATH:
        return data
    folder = Path(tempfile.mkdtemp(prefix="touchline-pg-"))
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    return folder


def _launch(
    data: Path,
    sockets: Path,
    programs: Path,
    account: Account | None,
    log_path: Path,
    options: Sequence[str],
) -> subprocess.Popen[bytes]:
    settings = [
        "listen_addresses=",
        f"unix_socket_directories={sockets}",
        "unix_socket_permissions=0700",
        "max_connections=200",
        *options,
    ]
    command = [str(programs / "postgres"), "-D", str(data)]
    for setting in settings:
        command += ["-c", setting]
    with log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603  # our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            **as_account(account),
        )


def _wait_until_ready(
    process: subprocess.Popen[bytes], admin_url: str, log_path: Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(admin_url):
        if process.poll() is not None:
            raise StartFailed(
                f"Postgres does not start: {_last_line(log_path.read_text())}"
            )
        if time.monotonic() > deadline:
            raise StartFailed(f"Postgres does not answer; see {log_path}")
        time.sleep(0.05)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        known = connection.execute(
            "select 1 from pg_database where datname = %s", [DATABASE]
        )
        if known.fetchone() is None:
            connection.execute(f'create database "{DATABASE}"')


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=3):
            return True
    except psycopg.OperationalError:
        return False


def _pid_file_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(sockets), safe='')}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (errors or lines or ["no reason given"])[-1]
