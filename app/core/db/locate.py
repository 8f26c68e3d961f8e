"""Where the service's database is: the configured one, else the embedded one that runs.

Starts nothing: the supervisor does. A server of ours is found by the pid file in its
folder, and known by its working folder, which is its cluster.
"""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from app.core.errors import StartFailed
from app.core.settings import Settings

PROGRAM = "postgres"
SUPERUSER = "postgres"
DATABASE = "touchline"
FOLDER = "postgres"  # of the cluster, in the data directory


def find_database_url(settings: Settings) -> str:
    """Name the database that this process is to use.

    Raises:
        StartFailed: none is configured and none runs in the data directory.
    """
    url = settings.database_url or running_url(settings.data_dir)
    if url is None:
        raise StartFailed(
            "no database: set TOUCHLINE_DATABASE_URL, or run `touchline serve` on "
            f"{settings.data_dir}"
        )
    return url


def running_url(data_dir: Path) -> str | None:
    """Tell the URL of the server that runs on a data directory; None if none does.

    The pid file of a copied data directory names the server of the original.
    """
    data = data_dir / FOLDER
    notes = pid_file_lines(data)
    if len(notes) < 5 or not notes[0].isdecimal():
        return None
    if serves_another(data, int(notes[0])):
        return None
    url = server_url(Path(notes[4]), DATABASE)
    return url if answers(url) else None


def answers(url: str) -> bool:
    """Whether a server takes connections."""
    try:
        with psycopg.connect(url, connect_timeout=3):
            return True
    except psycopg.OperationalError:
        return False


def pid_file_lines(data: Path) -> list[str]:
    """Read what a server notes while it runs; nothing if there is none."""
    try:
        return (
            (data / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
        )
    except OSError:
        return []


def server_url(sockets: Path, database: str) -> str:
    """Name a database of the server that listens in a folder."""
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(sockets), safe='')}"


def serves_another(data: Path, pid: int) -> bool:
    """Whether a process id is known to be that of another cluster's server."""
    try:
        process = psutil.Process(pid)
        if process.name() != PROGRAM or works_on(process, data):
            return False
        process.cwd()  # Without the right to see it nothing is known.
    except psutil.Error:
        return False
    return True


def works_on(process: psutil.Process, data: Path) -> bool:
    """Whether a Postgres process, a server or its child, uses a cluster's files."""
    try:
        if Path(process.cwd()).samefile(data):
            return process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        pass
    # A server that was only just started has not changed its folder yet.
    with suppress(psutil.Error):
        words = process.cmdline()
        return ("-D", str(data)) in pairwise(words)
    return False
