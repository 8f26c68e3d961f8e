"""The cache of whole objects: bounded, shared, and right after a crash."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.errors import StorageFull
from app.core.storage.interface import ObjectChanged
from app.core.storage.local_cache import LocalCache

SIZE = 1000
KILLED = """
import os, signal, sys
from pathlib import Path
from app.core.storage.local_cache import LocalCache

def read(start, end):
    os.kill(os.getpid(), signal.SIGKILL)

with LocalCache(Path(sys.argv[1]), 10_000).holding(sys.argv[2], 1000, read):
    pass
"""
LEFT = """
import os, signal, sys
from pathlib import Path
from app.core.storage.local_cache import LocalCache

def read(start, end):
    os.kill(os.getpid(), signal.SIGKILL)

with LocalCache(Path(sys.argv[1]), 2500).arriving(sys.argv[2], 1000, read):
    signal.pause()
"""
HOLDING = """
import sys
from pathlib import Path
from app.core.storage.local_cache import LocalCache

with LocalCache(Path(sys.argv[1]), 2500).holding(sys.argv[2], 1000, None):
    print("held", flush=True)
    sys.stdin.readline()
"""


def tag(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def read(start: int, end: int) -> bytes:
    return b"x" * (end - start)


def use(cache: LocalCache, name: str, used_at_s: int | None = None) -> None:
    with cache.holding(tag(name), SIZE, read) as path:
        assert path.read_bytes() == b"x" * SIZE
    if used_at_s is not None:
        os.utime(path, (used_at_s, used_at_s))


def kept(folder: Path) -> set[str]:
    names = {tag(name): name for name in "abcde"}
    return {names[path.stem] for path in folder.glob("*.object")}


@pytest.fixture
def cache(tmp_path: Path) -> LocalCache:
    return LocalCache(tmp_path, 2500)


def test_what_was_used_longest_ago_goes_first(
    cache: LocalCache, tmp_path: Path
) -> None:
    use(cache, "a", 1000)
    use(cache, "b", 2000)
    use(cache, "a", 3000)

    use(cache, "c")

    assert kept(tmp_path) == {"a", "c"}
    assert cache.used_bytes() == 2 * SIZE


def test_what_is_in_use_never_goes(cache: LocalCache, tmp_path: Path) -> None:
    use(cache, "a", 1000)
    with (
        cache.holding(tag("a"), SIZE, read) as first,
        cache.holding(tag("b"), SIZE, read),
        cache.holding(tag("c"), SIZE, read),
    ):
        assert first.read_bytes() == b"x" * SIZE
        assert kept(tmp_path) == {"a", "b", "c"}

    use(cache, "d")

    assert len(kept(tmp_path)) == 2
    assert cache.used_bytes() <= 2500


def test_what_another_process_uses_never_goes(
    cache: LocalCache, tmp_path: Path
) -> None:
    use(cache, "a")

    with child(HOLDING, tmp_path, "a") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        os.utime(tmp_path / f"{tag('a')}.object", (1000, 1000))
        use(cache, "b", 2000)
        use(cache, "c", 3000)
        assert kept(tmp_path) == {"a", "c"}


def test_a_process_that_dies_while_it_fills_leaves_nothing_that_counts(
    cache: LocalCache, tmp_path: Path
) -> None:
    with child(KILLED, tmp_path, "b") as process:
        process.wait(60)
    assert len(list(tmp_path.glob("*.part"))) == 1

    removed = cache.clean_up()
    with child(KILLED, tmp_path, "a") as process:
        process.wait(60)
    use(cache, "a")

    assert removed == 1
    assert cache.used_bytes() == SIZE
    assert kept(tmp_path) == {"a"}


def test_what_killed_processes_left_takes_no_room_on_a_machine_without_a_sweep(
    cache: LocalCache, tmp_path: Path
) -> None:
    use(cache, "a", 1000)
    with child(LEFT, tmp_path, "b") as process:
        process.wait(60)
    assert len(list(tmp_path.glob("*.part"))) == 1

    use(cache, "e")

    assert list(tmp_path.glob("*.part")) == []
    assert kept(tmp_path) == {"a", "e"}
    assert cache.used_bytes() == 2 * SIZE


def test_what_others_fill_is_left_alone_while_room_is_made(
    cache: LocalCache, tmp_path: Path
) -> None:
    has_begun, go_on = threading.Event(), threading.Event()

    def slow(start: int, end: int) -> bytes:
        has_begun.set()
        assert go_on.wait(30)
        return read(start, end)

    def want() -> None:
        with cache.holding(tag("a"), SIZE, slow) as path:
            assert path.read_bytes() == b"x" * SIZE

    first = threading.Thread(target=want)
    first.start()
    assert has_begun.wait(30)
    use(cache, "b")
    go_on.set()
    first.join(30)

    assert kept(tmp_path) == {"a", "b"}


def test_two_that_want_one_object_read_it_once(tmp_path: Path) -> None:
    caches = [LocalCache(tmp_path, 2500) for _ in range(2)]
    has_begun, go_on, reads = threading.Event(), threading.Event(), []

    def slow(start: int, end: int) -> bytes:
        reads.append(start)
        has_begun.set()
        assert go_on.wait(30)
        return read(start, end)

    def want(cache: LocalCache) -> None:
        with cache.holding(tag("a"), SIZE, slow, lambda _: go_on.set()) as path:
            assert path.read_bytes() == b"x" * SIZE

    first = threading.Thread(target=want, args=(caches[0],))
    first.start()
    assert has_begun.wait(30)
    want(caches[1])
    first.join(30)

    assert reads == [0]


def test_a_read_that_fails_leaves_nothing(cache: LocalCache, tmp_path: Path) -> None:
    def changed(start: int, end: int) -> bytes:
        raise ObjectChanged("a")

    with pytest.raises(ObjectChanged), cache.holding(tag("a"), SIZE, changed):
        pass

    assert list(tmp_path.iterdir()) == []


def refuse_to_sync(handle: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_bytes_that_the_disk_did_not_keep_get_no_whole_name(
    cache: LocalCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refuse_to_sync)

    with pytest.raises(StorageFull), cache.holding(tag("a"), SIZE, read):
        pass
    with cache.arriving(tag("b"), SIZE, read) as copy:
        for thread in threading.enumerate():
            if thread.name == "fill":
                thread.join(60)
        with pytest.raises(StorageFull):
            copy.check()

    assert list(tmp_path.iterdir()) == []


def test_files_of_others_are_left_alone(cache: LocalCache, tmp_path: Path) -> None:
    (tmp_path / "notes.object").write_bytes(b"y" * 5000)

    use(cache, "a")

    assert cache.clean_up() == 0
    assert cache.used_bytes() == SIZE
    assert (tmp_path / "notes.object").exists()


@contextmanager
def child(code: str, folder: Path, name: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), tag(name)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
