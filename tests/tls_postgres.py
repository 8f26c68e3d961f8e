"""A Postgres as another machine has it: over TCP, with TLS and a password alone."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.core.db.locate import server_url
from app.supervisor.postgres_cluster import Cluster
from app.supervisor.postgres_programs import choose_account
from tests.certificates import Certificates
from tests.services import QUICK, START_TIMEOUT_S, free_port, missing

MAKE = ("-U", "postgres", "--encoding", "UTF8", "--locale", "C")
USER = DATABASE = "touchline"
RULES = """\
local all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""


@contextmanager
def running_tls_postgres(
    folder: Path, tls: Certificates, *, password: str
) -> Iterator[int]:
    """Start a server with an empty database `touchline`; gives its port.

    Args:
        folder: that everybody can reach, for its files.
    """
    cluster, port = _make_cluster(folder / "database"), free_port()
    owner = cluster.data.stat().st_uid
    rules, cert, key = (folder / name for name in ("pg_hba.conf", "db.crt", "db.key"))
    rules.write_text(RULES)
    shutil.copy(tls.cert, cert)
    shutil.copy(tls.key, key)
    key.chmod(0o600)
    for path in (rules, cert, key):
        shutil.chown(path, owner)
    options = [
        *(*QUICK, "listen_addresses=127.0.0.1", f"port={port}"),
        *("ssl=on", f"ssl_cert_file={cert}", f"ssl_key_file={key}"),
        f"hba_file={rules}",
    ]
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            cluster.command(options),
            env=dict(cluster.environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
            **cluster.popen_options,
        )
    try:
        admin = f"{server_url(cluster.sockets, 'postgres')}&port={port}"
        _make_database(admin, process, password)
        yield port
    finally:
        process.send_signal(signal.SIGINT)  # at once, and clean
        process.wait(START_TIMEOUT_S)


def _make_cluster(data: Path) -> Cluster:
    """Make a cluster by a server with TLS, which the embedded one has not.

    Skips (in CI: fails) where there is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    program = Path(on_path).resolve() if on_path else next(iter(found), None)
    if program is None:
        missing("no Postgres with TLS: apt-get install postgresql")
    account = choose_account(data)
    data.mkdir(mode=0o700)
    if account is not None:
        os.chown(data, account.pw_uid, account.pw_gid)
    cluster = Cluster(data, data, program.parent, account)
    subprocess.run(
        [*(str(program.parent / "initdb"), "-D", str(data)), *MAKE],
        env=dict(cluster.environment),
        check=True,
        capture_output=True,
        **cluster.popen_options,
    )
    return cluster


def _make_database(
    admin: str, process: "subprocess.Popen[bytes]", password: str
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail("Postgres ended at once; see postgres.log")
        try:
            with psycopg.connect(admin, autocommit=True) as connection:
                literal = psycopg.sql.Literal(password)
                made = psycopg.sql.SQL("create role touchline login password {}")
                connection.execute(made.format(literal))
                connection.execute("create database touchline owner touchline")
                return
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.fail("Postgres does not answer")
