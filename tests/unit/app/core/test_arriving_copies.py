"""Files of the cache that are decoded while they are filled."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from app.core.storage import filling
from app.core.storage.filling import ArrivingCopy
from app.core.storage.interface import ObjectChanged, StorageUnavailable
from app.core.storage.local_cache import LocalCache
from app.core.storage.object_store import ObjectStorage
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.spot_file import spot_file
from model.video.decode import Step, decode_in_child, iter_steps
from model.video.frame_spec import FrameSpec
from model.video.step_reading import read_steps_in_child
from tests.bucket_proxy import BUSY, BucketProxy, bucket_proxy
from tests.bucket_storage import storage_in
from tests.s3_server import S3OfTests
from tests.unit.model.engines.networks import exported_noise
from tests.videos import draw_video, match_picture

pytestmark = pytest.mark.slow

KEY = "videos/a/source"
SPEC = FrameSpec(width=160, height=96, fps=10.0)
WINDOW = 4096
PATIENCE_S = 60.0
CONTAINERS = {
    "index first": ("a.mp4", {"movflags": "faststart"}),
    "index last": ("a.mp4", {}),
    "transport stream": ("a.ts", {}),
    "Matroska": ("a.mkv", {}),
    "AVI": ("a.avi", {}),
}
KILLED = """
import os, signal, sys
from pathlib import Path
from app.core.storage import filling
from app.core.storage.local_cache import LocalCache

filling.WINDOW_BYTES = 100

def read(start, end):
    if start >= 500:
        os.kill(os.getpid(), signal.SIGKILL)
    return b"y" * (end - start)

with LocalCache(Path(sys.argv[1]), 10_000).arriving(sys.argv[2], 1000, read) as copy:
    copy.coming.arrival.wait_for(0, 1000)
"""

FULL = """
import resource, sys
from pathlib import Path
from app.core.errors import StorageFull
from app.core.storage import filling, whole_reads
from app.core.storage.local_cache import LocalCache

filling.WINDOW_BYTES = whole_reads.READ_BYTES = 1000
cache, tag = LocalCache(Path(sys.argv[2]), 10_000), "f" * 64

def fill_up():
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, resource.RLIM_INFINITY))

def read(start, end):
    fill_up()
    return b"y" * (end - start)

def arriving():
    with cache.arriving(tag, 3000, read) as copy:
        copy.coming.arrival.wait_for(0, 2000)
        while not copy.path.exists():
            copy.check()

def refused():
    fill_up()
    with cache.arriving(tag, 3000, read):
        pass

def holding():
    with cache.holding(tag, 3000, read):
        pass

try:
    globals()[sys.argv[1]]()
except StorageFull as exc:
    print(exc)
"""


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "WINDOW_BYTES", WINDOW)


@pytest.fixture(scope="module", params=CONTAINERS)
def video(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    name, options = CONTAINERS[request.param]
    path = tmp_path_factory.mktemp("video") / name
    # FFmpeg looks at the last 250 kB of a transport stream for its length.
    frames = 900 if path.suffix == ".ts" else 240
    draw_video(path, frames=frames, options=options, paint=match_picture, key_every=4)
    assert path.stat().st_size > 20 * WINDOW
    return path


@pytest.fixture
def cache(tmp_path: Path) -> LocalCache:
    return LocalCache(tmp_path / "cache", 2**30)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    checkpoint = exported_noise(tmp_path_factory.mktemp("checkpoint"))
    return load_predictor(checkpoint, engine="openvino", threads=1)


class Source:
    """An object whose bytes come as a test lets them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.tag = hashlib.sha256(data).hexdigest()
        self.asked: list[int] = []
        self.holds_back: Callable[[int], bool] = lambda start: False
        self.let_go = threading.Event()

    def read(self, start: int, end: int) -> bytes:
        self.asked.append(start)
        if self.holds_back(start):
            assert self.let_go.wait(PATIENCE_S)
        return self.data[start:end]

    @contextmanager
    def arriving(self, cache: LocalCache) -> Iterator[ArrivingCopy]:
        with cache.arriving(self.tag, len(self.data), self.read) as copy:
            yield copy


def decoded(
    copy: ArrivingCopy, on_step: Callable[[], None] = lambda: None
) -> list[Step]:
    found = []
    with decode_in_child(
        copy.path, SPEC, coming=copy.coming, on_wait=copy.check
    ) as steps:
        for step in steps:
            found.append(step)
            on_step()
    return found


def assert_same(found: list[Step], video: Path) -> None:
    expected = list(iter_steps(video, SPEC))
    assert [(one.pts, one.time_s) for one in found] == [
        (one.pts, one.time_s) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.image, other.image)


@pytest.mark.costly
def test_frames_are_decoded_before_the_last_bytes_have_come(
    video: Path, cache: LocalCache
) -> None:
    source = Source(video.read_bytes())
    size = len(source.data)
    # For frames that come later; two of those who fetch are left for what is asked for.
    held = int(size * 0.7)
    source.holds_back = lambda start: held <= start < held + 2 * WINDOW

    with source.arriving(cache) as copy:
        found = decoded(copy, on_step=source.let_go.set)  # else it would hang

    assert_same(found, video)
    with cache.holding(source.tag, size, lambda *_: b"") as path:
        assert path.read_bytes() == source.data
    assert sorted(source.asked) == list(range(0, size, WINDOW))


@pytest.mark.nightly
def test_the_same_events_are_found_as_in_a_file_that_is_here(
    cache: LocalCache, predictor: Predictor, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    draw_video(path, frames=90, fps=30, paint=match_picture)
    source = Source(path.read_bytes())

    with source.arriving(cache) as copy:
        assert copy.coming is not None
        found = spot_file(
            copy.path, predictor=predictor, min_score=0.2, coming=copy.coming
        )

    expected = spot_file(path, predictor=predictor, min_score=0.2)
    assert found.spots == expected.spots
    assert found.spots
    assert found.facts == expected.facts
    assert np.array_equal(found.timeline.scores, expected.timeline.scores)


@pytest.mark.costly
def test_what_keeps_the_bytes_from_coming_ends_the_decoding(
    cache: LocalCache, predictor: Predictor, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    draw_video(path, frames=90, fps=30, paint=match_picture)
    source = Source(path.read_bytes())

    def read(start: int, end: int) -> bytes:
        if start >= WINDOW:
            raise ObjectChanged(KEY)
        return source.read(start, end)

    def spot() -> None:
        with cache.arriving(source.tag, len(source.data), read) as copy:
            spot_file(
                copy.path,
                predictor=predictor,
                on_progress=lambda _: copy.check(),
                coming=copy.coming,
            )

    with pytest.raises(ObjectChanged):
        spot()

    with source.arriving(cache) as again:
        assert len(decoded(again)) == 30
    assert cache.clean_up() == 0


def test_what_follows_the_place_that_is_read_comes_before_the_rest(
    cache: LocalCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "READS_AT_ONCE", 1)  # so that there is one order
    source = Source(os.urandom(10 * WINDOW))
    source.holds_back = lambda start: start == 0

    with source.arriving(cache) as copy:
        assert copy.coming is not None
        arrival = copy.coming.arrival
        reading = threading.Thread(
            target=arrival.wait_for, args=(6 * WINDOW, 10 * WINDOW)
        )
        reading.start()
        while arrival.wanted is None:
            time.sleep(0.001)
        source.let_go.set()
        reading.join(PATIENCE_S)
        arrival.wait_for(0, 10 * WINDOW)

    asked = [start // WINDOW for start in source.asked]
    assert asked == [0, 6, 7, 8, 9, 1, 2, 3, 4, 5]


@pytest.mark.costly
def test_a_stretch_is_decoded_without_what_comes_before_or_behind(
    cache: LocalCache, tmp_path: Path
) -> None:
    path = tmp_path / "match.mp4"
    options = {"movflags": "faststart"}
    draw_video(path, frames=900, options=options, paint=match_picture, key_every=30)
    index = read_steps_in_child(path, SPEC.fps)
    middle = index.steps // 2
    source = Source(path.read_bytes())
    missing = len(source.data) // 5 // WINDOW * WINDOW
    source.holds_back = lambda start: start == missing

    with source.arriving(cache) as copy:
        assert copy.coming is not None
        with decode_in_child(
            copy.path,
            SPEC,
            stretch=index.stretch(middle, middle + 20),
            coming=copy.coming,
            on_wait=copy.check,
        ) as steps:
            found = list(steps)
        assert not copy.coming.arrival.is_complete
        source.let_go.set()

    expected = list(iter_steps(path, SPEC))[middle : middle + 20]
    assert [(one.pts, one.time_s, one.frame) for one in found] == [
        (one.pts, one.time_s, one.frame) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.image, other.image)


def test_two_jobs_share_one_filling(cache: LocalCache) -> None:
    source = Source(os.urandom(10 * WINDOW))
    source.holds_back = lambda start: start > 0
    copies: list[ArrivingCopy] = []

    def use() -> None:
        with source.arriving(cache) as copy:
            copies.append(copy)

    with source.arriving(cache) as first:
        second = threading.Thread(target=use)
        second.start()
        assert first.coming is not None
        first.coming.arrival.wait_for(0, 10)
        assert not copies
        source.let_go.set()
        second.join(PATIENCE_S)

    assert copies[0].coming is None
    assert sorted(source.asked) == list(range(0, 10 * WINDOW, WINDOW))


def test_a_process_that_is_killed_leaves_nothing_that_is_taken_for_whole(
    cache: LocalCache, tmp_path: Path
) -> None:
    source = Source(b"z" * 1000)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "cache"), source.tag]

    killed = subprocess.run(command, check=False, timeout=PATIENCE_S)

    assert killed.returncode == -signal.SIGKILL
    with cache.holding(source.tag, 1000, source.read) as path:
        assert path.read_bytes() == source.data


@pytest.mark.parametrize("way", ["arriving", "refused", "holding"])
def test_a_file_of_which_the_disk_takes_a_part_is_not_taken_for_whole(
    tmp_path: Path, way: str
) -> None:
    command = [sys.executable, "-c", FULL, way, str(tmp_path)]

    done = subprocess.run(
        command, check=True, timeout=PATIENCE_S, capture_output=True, text=True
    )

    assert "has no room for a file of 3000 bytes" in done.stdout
    assert not list(tmp_path.glob("*.object"))


def test_a_machine_that_has_no_thread_left_leaves_nothing_locked(
    cache: LocalCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(os.urandom(10 * WINDOW))
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def start_two(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the directory itself takes a descriptor
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_two)
        with pytest.raises(RuntimeError, match="new thread"), source.arriving(cache):
            pass
    for thread in started:
        thread.join(PATIENCE_S)

    assert not list(cache._folder.iterdir())
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208  # its memory
    with source.arriving(cache) as copy:
        assert copy.coming is not None


def test_a_job_that_fails_fetches_no_more(cache: LocalCache) -> None:
    source = Source(os.urandom(50 * WINDOW))
    source.holds_back = lambda start: start > 0

    with pytest.raises(ValueError, match="canceled"), source.arriving(cache):
        raise ValueError("canceled")
    source.let_go.set()

    with source.arriving(cache) as copy:  # waits for the threads to have ended
        assert copy.coming is not None
        copy.coming.arrival.wait_for(0, len(source.data))
    assert len(source.asked) < 50 + 10


@pytest.fixture
def proxy(s3: S3OfTests) -> Iterator[BucketProxy]:
    with bucket_proxy(s3) as proxy:
        yield proxy


@pytest.fixture
def bucket(
    proxy: BucketProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ObjectStorage]:
    def open_it(**options: object) -> ObjectStorage:
        return storage_in(proxy.server, tmp_path / "bucket", monkeypatch, **options)  # type: ignore[arg-type] # passed on

    return open_it


@pytest.mark.costly
def test_a_bucket_that_is_busy_for_a_while_is_waited_for(
    tmp_path: Path, proxy: BucketProxy, bucket: Callable[..., ObjectStorage]
) -> None:
    video = tmp_path / "a.mp4"
    draw_video(video, frames=240, paint=match_picture, key_every=4)
    storage = bucket(retry_for=timedelta(seconds=30))
    storage.put(KEY, video.read_bytes())

    with storage.arriving_copy(KEY) as copy:
        proxy.trouble_for(BUSY, 1)
        found = decoded(copy)

    assert_same(found, video)
    assert proxy.refused


@pytest.mark.costly
def test_a_bucket_that_stays_busy_ends_it(
    proxy: BucketProxy, bucket: Callable[..., ObjectStorage], tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    draw_video(path, frames=240, paint=match_picture, key_every=4)
    storage = bucket(retry_for=timedelta(seconds=1))
    storage.put(KEY, path.read_bytes())

    def decode() -> None:
        with storage.arriving_copy(KEY) as copy, proxy.in_trouble(BUSY):
            decoded(copy)

    with pytest.raises(StorageUnavailable):
        decode()


@pytest.mark.costly
def test_an_object_that_is_replaced_while_it_comes_is_never_mixed(
    proxy: BucketProxy, bucket: Callable[..., ObjectStorage], tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    draw_video(path, frames=240, paint=match_picture, key_every=4)
    storage = bucket()
    storage.put(KEY, path.read_bytes())
    other = bucket(bucket=storage.address.bucket)
    once = threading.Lock()

    def replace_it(method: str, target: str) -> None:
        is_read = method == "GET" and target.endswith("/source")
        if is_read and once.acquire(blocking=False):
            other.put(KEY, bytes(path.stat().st_size))

    def decode() -> None:
        with storage.arriving_copy(KEY) as copy:
            proxy.passing = replace_it
            decoded(copy)

    with pytest.raises(ObjectChanged):
        decode()
