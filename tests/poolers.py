"""A real PgBouncer in front of the tests' Postgres."""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from sqlalchemy import make_url

from tests.services import START_TIMEOUT_S, free_port, missing

PROGRAMS = ("pgbouncer", "/usr/sbin/pgbouncer")
CONFIG = """\
[databases]
* = host={sockets} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool_size}
max_client_conn = 200
logfile = {folder}/pgbouncer.log
{more}
"""


@contextmanager
def running_pgbouncer(
    url: str,
    folder: Path,
    *,
    mode: Literal["session", "transaction"] = "transaction",
    pool_size: int = 3,
    more: str = "",
) -> Iterator[str]:
    """Start PgBouncer and give the URL of the same database through it.

    Skips (in CI: fails) where there is none.

    Args:
        url: of a database, by a folder of sockets.
        folder: that everybody can reach, for its files.
        more: lines of its configuration.
    """
    program = next((one for one in PROGRAMS if shutil.which(one)), None)
    if program is None:
        missing("no pgbouncer on the PATH: apt-get install pgbouncer")
    parsed, port = make_url(url), free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(
        CONFIG.format(
            **{"sockets": parsed.query["host"], "port": port, "mode": mode},
            **{"pool_size": pool_size, "folder": folder, "more": more},
        )
    )
    command = [program, str(config)]
    if os.geteuid() == 0:  # It refuses to be root.
        user = pwd.getpwuid(Path(str(parsed.query["host"])).stat().st_uid).pw_name
        shutil.chown(folder, user)
        command = [program, "-u", user, str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    through = f"postgresql://postgres@127.0.0.1:{port}/{parsed.database}"
    try:
        _wait(through, process)
        yield through
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail("pgbouncer ended at once; see pgbouncer.log")
        try:
            with psycopg.connect(url, connect_timeout=3):
                return
        except psycopg.OperationalError:
            time.sleep(0.05)
    pytest.fail("pgbouncer does not answer")
