"""A Postgres cluster of ours: its files, its server's command and address.

Starts nothing but `initdb`.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from app.core.db.locate import (
    DATABASE,
    FOLDER,
    SUPERUSER,
    answers,
    pid_file_lines,
    server_url,
)
from app.core.db.migrate import is_lost
from app.core.errors import DatabaseLost, StartFailed
from app.supervisor.postgres_leftovers import end_processes_of
from app.supervisor.postgres_programs import (
    POSTGRES_MAJOR,
    Account,
    as_account,
    choose_account,
    credentials,
    grant_traversal,
    plain_environment,
    programs_folder,
)

MAKING = "postgres.new-"  # a cluster on its way
SOCKET_FOLDER = "touchline-pg-"  # of a cluster whose own path will not do
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 100  # bytes; Linux takes 107, macOS 103


@dataclass(frozen=True, slots=True)
class Cluster:
    """The files of a server of ours, whether it runs or not.

    Attributes:
        data: the cluster's folder.
        sockets: where the server listens: the cluster itself or a private folder.
        programs: the folder of `postgres` and `initdb`.
        account: who runs the server; None for whoever we are.
    """

    data: Path
    sockets: Path
    programs: Path
    account: Account | None

    @property
    def url(self) -> str:
        """Where the service's database is found."""
        return server_url(self.sockets, DATABASE)

    @property
    def environment(self) -> Mapping[str, str]:
        """The server's environment, which holds nothing of ours."""
        return plain_environment()

    @property
    def popen_options(self) -> dict[str, Any]:
        """Arguments of `Popen` that make it run as the right user."""
        return {"cwd": "/", **credentials(self.account)}

    def command(self, options: Sequence[str] = ()) -> list[str]:
        """Give the command of the server; `options` are `name=value` settings."""
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={_quoted(self.sockets)}",
            "unix_socket_permissions=0700",
            *options,
        ]
        words = [str(self.programs / "postgres"), "-D", str(self.data)]
        return words + [word for value in settings for word in ("-c", value)]

    def free(self) -> None:
        """End whatever still works on the files, and drop a stale pid file.

        A pid file alone proves nothing: after a restart of the machine its number may
        belong to anybody, and Postgres itself would then refuse to start.

        Raises:
            StartFailed: something cannot be ended.
        """
        end_processes_of(self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def is_ready(self, pid: int) -> bool:
        """Whether the server of that process id, and no other, takes connections."""
        lines = pid_file_lines(self.data)
        if len(lines) < 8 or lines[0] != str(pid) or lines[7].strip() != "ready":
            return False
        return answers(server_url(self.sockets, SUPERUSER))

    def ensure_database(self) -> None:
        """Make the service's database if it is not there.

        Raises:
            DatabaseLost: the server has gone away.
        StartFailed: it refuses.
        """
        try:
            with psycopg.connect(
                server_url(self.sockets, SUPERUSER), autocommit=True
            ) as connection:
                known = connection.execute(
                    "select 1 from pg_database where datname = %s", [DATABASE]
                )
                if known.fetchone() is None:
                    connection.execute(f'create database "{DATABASE}"')
        except psycopg.Error as exc:
            words = f"cannot make the database: {' '.join(str(exc).split())}"
            if is_lost(exc):
                raise DatabaseLost(words) from exc
            raise StartFailed(words) from exc

    def close(self) -> None:
        """Remove the private folder of the socket, if there is one."""
        if self.sockets != self.data:
            shutil.rmtree(self.sockets, ignore_errors=True)


def prepare_cluster(
    data_dir: Path, *, report_line: Callable[[str], None] = lambda _: None
) -> Cluster:
    """Make the cluster of a data directory ready to be started; make it if need be.

    A server left by a killed run is ended first, so that exactly one serves the files.

    Raises:
        StartFailed: the package or a user to run as is missing, the cluster is of
            another version, or an earlier server cannot be ended.
    """
    data = data_dir / FOLDER
    programs, account = programs_folder(), choose_account(data)
    grant_traversal(account, data_dir, programs, report_line=report_line)
    notes = pid_file_lines(data)
    cluster = Cluster(data, _socket_dir(data, account), programs, account)
    try:
        cluster.free()
        _remove_socket_folder(notes)
        if not (data / "PG_VERSION").exists():
            _make_cluster(data, programs, account)
        _check_version(data)
    except BaseException:
        cluster.close()
        raise
    return cluster


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
            raise StartFailed(
                f"initdb failed in {data}: {last_error_line(done.stderr)}"
            )
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
    """The cluster itself, or a private folder where its path will not do for a socket.

    It may be too long; and libpq takes a comma in the host for the start of another.
    """
    if len(os.fsencode(data / SOCKET_NAME)) <= MAX_SOCKET_PATH and "," not in str(data):
        return data
    folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER))
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    return folder


def _remove_socket_folder(notes: list[str]) -> None:
    """Remove the private folder that a killed server left, by its pid file's lines."""
    if len(notes) < 5:
        return
    folder = Path(notes[4])
    # A copied data directory may name the folder of the original.
    if folder.name.startswith(SOCKET_FOLDER) and not answers(
        server_url(folder, SUPERUSER)
    ):
        shutil.rmtree(folder, ignore_errors=True)


def _quoted(path: Path) -> str:
    """Write a path as one name of a list that commas part."""
    return '"' + str(path).replace('"', '""') + '"'


def last_error_line(text: str) -> str:
    """Give the line of a Postgres program's words that says best what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (errors or lines or ["no reason given"])[-1]
