"""An object that one process adds to is another's when the first is gone, or hangs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.core.storage import growing_locks
from app.core.storage.growing_locks import GrowingLocks
from app.core.storage.growing_objects import GrowingObject, chunks_of
from app.core.storage.interface import ObjectBusy
from tests.bucket_storage import use_server
from tests.growing_holder import open_growing
from tests.s3_server import S3OfTests

pytestmark = [pytest.mark.slow, pytest.mark.costly]

KEY = "uploads/a/part"
PATIENCE_S = 60.0
WRITTEN = "written"


@dataclass
class Holder:
    """A process that holds the object until it is killed."""

    process: "subprocess.Popen[str]"
    url: str

    def hears(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def write(self) -> str:
        """Let it write its next word; gives what it says of that."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.hears()


@pytest.fixture
def holder(s3: S3OfTests, monkeypatch: pytest.MonkeyPatch) -> Iterator[Holder]:
    use_server(s3, monkeypatch)
    monkeypatch.setattr(growing_locks, "DEAD_AFTER_S", 1.0)
    url = f"s3://{s3.fresh_bucket()}"
    command = [sys.executable, "-m", "tests.growing_holder", url, KEY, "first ", "lost"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        found = Holder(process, url)
        assert found.hears() == "ready"
        assert found.write() == WRITTEN
        assert found.hears() == "ready"
        yield found
        process.kill()


def taken_over(url: str) -> GrowingObject:
    """Ask for the object as clients do, until it can be had."""
    locks = GrowingLocks()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return open_growing(url, KEY, locks)
        except ObjectBusy:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def content_of(url: str) -> bytes:
    growing = taken_over(url)
    chunks = chunks_of(growing._objects, KEY)
    growing.close()
    return b"".join(
        growing._objects.read(one.path, 0, one.size_bytes) for one in chunks
    )


def test_a_holder_that_lives_keeps_others_out(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than the holder takes to renew its lock.
    monkeypatch.setattr(growing_locks, "DEAD_AFTER_S", 15.0)
    locks = GrowingLocks()
    until = time.monotonic() + 6

    while time.monotonic() < until:
        with pytest.raises(ObjectBusy):
            open_growing(holder.url, KEY, locks)
        time.sleep(0.5)

    assert holder.write() == WRITTEN


def test_a_killed_holder_is_replaced_and_what_was_confirmed_is_kept(
    holder: Holder,
) -> None:
    holder.process.kill()
    with pytest.raises(ObjectBusy):  # It was heard of only just now.
        open_growing(holder.url, KEY)

    growing = taken_over(holder.url)
    assert growing.size_bytes == len("first ")
    growing.write(b"second")
    growing.flush()
    growing.close()

    assert content_of(holder.url) == b"first second"


def test_a_holder_that_hung_is_refused_when_it_comes_back(holder: Holder) -> None:
    os.kill(holder.process.pid, signal.SIGSTOP)
    growing = taken_over(holder.url)
    growing.write(b"second")
    growing.flush()
    os.kill(holder.process.pid, signal.SIGCONT)

    assert holder.write().startswith("refused: another process took this object over")

    growing.write(b", third")
    growing.flush()
    growing.close()
    assert content_of(holder.url) == b"first second, third"
