"""A real primary and its streaming replica, both of this test alone."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from app.core.db.locate import FOLDER, SUPERUSER, answers
from app.core.db.migrate import upgrade
from app.supervisor.embedded_postgres import EmbeddedPostgres, start_postgres
from app.supervisor.postgres_cluster import prepare_cluster
from app.supervisor.postgres_programs import as_account
from tests.api_server import eventually
from tests.services import open_folder

# Commits wait for their log, as they do for those who have a replica.
PRIMARY = ("fsync=off", "full_page_writes=off", "autovacuum=off")
# A read is cancelled at once where it is in the way of what is replayed.
REPLICA = ("fsync=off", "max_standby_streaming_delay=0", "wal_receiver_timeout=10s")


@dataclass
class Pair:
    """A primary that runs, and its replica, which may be stopped."""

    folder: Path
    primary: EmbeddedPostgres
    replica: EmbeddedPostgres
    is_frozen: bool = field(default=False)

    @property
    def url(self) -> str:
        return self.primary.url

    @property
    def replica_url(self) -> str:
        return self.replica.url

    def pause(self) -> None:
        """Have the replica replay nothing more; it still answers."""
        self._on_replica("select pg_wal_replay_pause()")
        eventually(
            lambda: (
                self._on_replica("select pg_get_wal_replay_pause_state()") == "paused"
            )
        )

    def resume(self) -> None:
        """Have it go on, and wait until it is where the primary is."""
        self._on_replica("select pg_wal_replay_resume()")
        self.wait()

    def wait(self) -> None:
        """Wait until the replica has all that the primary has by now."""
        with psycopg.connect(self.url) as primary:
            row = primary.execute("select pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        eventually(
            lambda: (
                self._on_replica(
                    f"select (pg_last_wal_replay_lsn() >= '{row[0]}'::pg_lsn)::text"
                )
                == "true"
            )
        )

    def stop(self) -> None:
        """End the replica."""
        self.replica.stop()

    def start(self) -> None:
        """Start the replica again."""
        self.replica = _start_replica(self.folder)
        self.wait()

    def promote(self) -> None:
        """Make the replica a primary of its own."""
        self._on_replica("select pg_promote()")

    def freeze(self) -> None:
        """Stop the replica's processes where they are: it says nothing more."""
        os.killpg(self.replica.process.pid, signal.SIGSTOP)
        self._signal_backends(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        """Let them go on, the server last: it takes leave of those that ended."""
        self._signal_backends(signal.SIGCONT)
        os.killpg(self.replica.process.pid, signal.SIGCONT)
        self.is_frozen = False

    def _signal_backends(self, number: signal.Signals) -> None:
        """Postgres gives each of its processes a session of its own."""
        listed = Path(f"/proc/{self.replica.process.pid}/task").glob("*/children")
        for child in {pid for one in listed for pid in one.read_text().split()}:
            with suppress(ProcessLookupError):
                os.kill(int(child), number)

    def _on_replica(self, statement: str) -> str | None:
        with psycopg.connect(self.replica_url, autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
        return None if row is None else str(row[0])


@contextmanager
def running_pair() -> Iterator[Pair]:
    """Start a migrated primary, copy it with pg_basebackup, and start the copy."""
    with open_folder() as folder:
        (folder / "primary").mkdir()
        primary = start_postgres(
            folder / "primary", log_path=folder / "primary.log", options=PRIMARY
        )
        try:
            upgrade(primary.url)
            _copy(primary, folder / "replica")
            pair = Pair(folder, primary, _start_replica(folder))
            try:
                pair.wait()
                yield pair
            finally:
                if pair.is_frozen:
                    pair.thaw()
                pair.replica.stop()
        finally:
            primary.stop()


def _start_replica(folder: Path) -> EmbeddedPostgres:
    """Start what `start_postgres` would not take: it waits for writes to be taken."""
    cluster = prepare_cluster(folder / "replica")
    with (folder / "replica.log").open("ab") as log:
        process = subprocess.Popen(
            cluster.command(["max_connections=200", *REPLICA]),
            env=dict(cluster.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **cluster.popen_options,
        )
    server = EmbeddedPostgres(cluster, process)
    try:
        eventually(lambda: answers(server.url))
    except BaseException:
        server.stop()
        raise
    return server


def _copy(primary: EmbeddedPostgres, folder: Path) -> None:
    cluster, data = primary.cluster, folder / FOLDER
    data.mkdir(parents=True, mode=0o700)
    folder.chmod(0o711)
    if cluster.account is not None:
        shutil.chown(data, cluster.account.pw_uid, cluster.account.pw_gid)
    subprocess.run(
        [
            str(cluster.programs / "pg_basebackup"),
            *("-h", str(cluster.sockets), "-U", SUPERUSER, "-D", str(data)),
            *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"),
        ],
        check=True,
        cwd="/",
        **as_account(cluster.account),
    )
    for left in data.glob(".s.PGSQL.*"):
        left.unlink()  # The primary's lock of its socket.
