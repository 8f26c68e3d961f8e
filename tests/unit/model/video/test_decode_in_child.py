"""Decoding in a process of its own: the same steps, and nothing left behind."""

import multiprocessing
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from model.errors import (
    Canceled,
    DecoderCrashed,
    DecoderStalled,
    UnreadableVideo,
    UnsupportedMedia,
    VideoLimitExceeded,
)
from model.video.decode import decode_in_child, iter_steps
from model.video.frame_spec import FrameSpec
from model.video.limits import MediaLimits
from model.video.probe import probe_in_child
from tests.videos import draw_video, read_number

pytestmark = pytest.mark.slow

SPEC = FrameSpec(80, 48, fps=30.0)
ROOT = Path(__file__).parents[4]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=200, b_frames=2)
    return path


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(claim: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Wait for something that happens elsewhere; the bound only ends a failed test."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def test_the_child_gives_the_very_same_steps(video: Path) -> None:
    with decode_in_child(video, SPEC) as steps:
        got = list(steps)

    wanted = list(iter_steps(video, SPEC))
    assert len(got) == len(wanted) == 200
    for one, other in zip(got, wanted, strict=True):
        assert (one.frame, one.pts, one.time_s) == (
            other.frame,
            other.pts,
            other.time_s,
        )
        assert np.array_equal(one.image, other.image)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("ring_steps", "converter_threads"),
    [(1, 1), (2, 1), (300, 1), (1, 3), (7, 3), (64, 3)],
)
def test_a_ring_of_any_size_gives_every_step(
    video: Path, ring_steps: int, converter_threads: int
) -> None:
    with decode_in_child(
        video, SPEC, ring_steps=ring_steps, converter_threads=converter_threads
    ) as steps:
        images = [step.image for step in steps]

    assert [read_number(image) for image in images] == list(range(200))


def test_a_slow_source_is_repeated_by_the_child_too(tmp_path: Path) -> None:
    draw_video(tmp_path / "slow.mp4", frames=10, fps=10)

    with decode_in_child(tmp_path / "slow.mp4", SPEC, converter_threads=2) as steps:
        seen = [(step.frame, read_number(step.image)) for step in steps]

    assert seen == [
        (step.frame, step.frame) for step in iter_steps(tmp_path / "slow.mp4", SPEC)
    ]
    assert len(seen) in (29, 30)


@pytest.mark.costly
def test_the_end_says_what_was_in_the_file(video: Path) -> None:
    with decode_in_child(video, SPEC) as steps:
        list(steps)
        again = list(steps)

    assert again == []
    assert steps.tally is not None
    assert (steps.tally.frames, steps.tally.damaged_packets) == (200, 0)
    assert steps.tally.end_s == pytest.approx(199 / 30)


@pytest.mark.costly
def test_a_slow_reader_makes_the_child_wait(video: Path) -> None:
    with decode_in_child(video, SPEC, ring_steps=4) as steps:
        first = next(steps)
        time.sleep(0.5)
        rest = list(steps)

    assert [read_number(step.image) for step in [first, *rest]] == list(range(200))


@pytest.mark.parametrize("taken", [0, 1, 50])
def test_leaving_early_ends_the_child_and_frees_what_it_had(
    video: Path, taken: int
) -> None:
    before = open_descriptors()

    with decode_in_child(video, SPEC, ring_steps=8) as steps:
        for _ in range(taken):
            next(steps)
        pid = steps.pid

    assert not is_alive(pid)
    assert open_descriptors() == before


@pytest.mark.costly
def test_an_error_in_the_block_ends_the_child(video: Path) -> None:
    pids: list[int] = []

    def cancelled() -> None:
        with decode_in_child(video, SPEC, ring_steps=8) as steps:
            pids.append(steps.pid)
            next(steps)
            raise Canceled("enough")

    with pytest.raises(Canceled):
        cancelled()

    assert not is_alive(pids[0])


@pytest.mark.costly
def test_closing_a_generator_around_it_ends_the_child(video: Path) -> None:
    pids: list[int] = []

    def numbers() -> Iterator[int]:
        with decode_in_child(video, SPEC, ring_steps=8) as steps:
            pids.append(steps.pid)
            for step in steps:
                yield step.frame

    generator = numbers()
    assert next(generator) == 0
    generator.close()  # type: ignore[attr-defined]

    assert not is_alive(pids[0])


@pytest.mark.costly
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_child_that_is_killed_is_a_crash_that_names_the_signal(
    video: Path, number: signal.Signals
) -> None:
    with decode_in_child(video, SPEC, ring_steps=4) as steps:
        next(steps)
        os.kill(steps.pid, number)

        with pytest.raises(DecoderCrashed, match=number.name) as caught:
            list(steps)

    assert caught.value.retryable


@pytest.mark.costly
def test_a_child_that_stops_is_a_stall(video: Path) -> None:
    with decode_in_child(video, SPEC, ring_steps=4, stall_timeout_s=3.0) as steps:
        next(steps)
        os.kill(steps.pid, signal.SIGSTOP)

        with pytest.raises(DecoderStalled, match="no progress for 3 s"):
            list(steps)

    assert not is_alive(steps.pid)


def test_a_wait_can_be_cancelled(video: Path) -> None:
    def cancel() -> None:
        raise Canceled("enough")

    with decode_in_child(video, SPEC, ring_steps=4, on_wait=cancel) as steps:
        os.kill(steps.pid, signal.SIGSTOP)

        with pytest.raises(Canceled):
            list(steps)

    assert not is_alive(steps.pid)


@pytest.mark.costly
def test_a_child_that_never_pauses_can_be_cancelled(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.video.process._POLL_S", 0.0)
    select = selectors.DefaultSelector.select
    monkeypatch.setattr(  # No wait runs out: there is always a message.
        selectors.DefaultSelector, "select", lambda self, _timeout_s: select(self)
    )
    asked = 0

    def count() -> None:
        nonlocal asked
        asked += 1

    with decode_in_child(video, SPEC, ring_steps=4, on_wait=count) as steps:
        seen = len(list(steps))

    assert asked >= seen > 10


@pytest.mark.costly
def test_errors_come_through_as_what_they_are(tmp_path: Path, video: Path) -> None:
    noise, script = tmp_path / "noise.mp4", tmp_path / "script.mp4"
    noise.write_bytes(b"nothing to see" * 1000)
    script.write_text("ffconcat version 1.0\nfile match.mp4\n")

    with decode_in_child(noise, SPEC) as steps, pytest.raises(UnreadableVideo):
        next(steps)
    with decode_in_child(script, SPEC) as steps, pytest.raises(UnsupportedMedia):
        next(steps)
    with pytest.raises(UnreadableVideo, match="not a video"):
        probe_in_child(noise)
    with pytest.raises(VideoLimitExceeded, match="lasts"):
        probe_in_child(video, limits=MediaLimits(max_duration_s=1.0))


@pytest.mark.costly
@pytest.mark.parametrize("converter_threads", [1, 3])
def test_a_fault_in_the_middle_comes_after_the_steps_before_it(
    video: Path, converter_threads: int
) -> None:
    limits = MediaLimits(max_duration_s=2.0)
    got: list[int] = []

    with (
        decode_in_child(
            video, SPEC, limits=limits, converter_threads=converter_threads
        ) as steps,
        pytest.raises(VideoLimitExceeded),
    ):
        got.extend(step.frame for step in steps)

    assert got == list(range(60))


@pytest.mark.costly
@on_linux
def test_the_child_knows_no_secrets(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_API_KEY", "hunter2")

    with decode_in_child(video, SPEC) as steps:
        next(steps)
        environment = Path(f"/proc/{steps.pid}/environ").read_bytes()

    assert b"hunter2" not in environment
    assert b"TOUCHLINE" not in environment
    assert b"HOME" not in environment


@pytest.mark.costly
@on_linux
def test_the_child_is_limited_and_holds_no_files_of_ours(
    video: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.touch()

    with secret.open("r+b") as file, decode_in_child(video, SPEC) as steps:
        os.set_inheritable(file.fileno(), True)
        next(steps)
        bounds = hard_limits(steps.pid)
        held = {str(at.readlink()) for at in Path(f"/proc/{steps.pid}/fd").iterdir()}

    kinds = ("address space", "cpu time", "open files", "file size", "core file size")
    assert "unlimited" not in [bounds[f"Max {kind}"] for kind in kinds]
    assert int(bounds["Max open files"]) <= 64
    assert str(secret) not in held


def hard_limits(pid: int) -> dict[str, str]:
    """Read each limit's name and hard bound; asking for them takes the same user."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[47:68].strip() for line in lines}


def test_the_child_never_loads_torch() -> None:
    code = "import sys, model.video.child; sys.exit('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)

    assert done.returncode == 0


PARENT = """
import os, signal, sys, threading, time
from pathlib import Path
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec

def decode():
    spec = FrameSpec(80, 48, fps=30.0)
    with decode_in_child(Path(sys.argv[1]), spec, ring_steps=4) as steps:
        next(steps)
        brother = os.fork() or time.sleep(60)  # It holds copies of the pipes.
        print(steps.pid, brother, flush=True)
        time.sleep(60)

if sys.argv[2] == "main":
    decode()
else:
    thread = threading.Thread(target=decode)
    thread.start()
    thread.join()
"""


@pytest.mark.costly
@pytest.mark.parametrize("where", ["main", "thread"])
def test_the_child_dies_with_a_parent_that_is_killed(video: Path, where: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PARENT, str(video), where],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child, brother = map(int, parent.stdout.readline().split())
    try:
        assert is_alive(child)

        parent.kill()
        parent.wait()

        wait_until(lambda: not is_running(child))
    finally:
        parent.stdout.close()
        os.kill(brother, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Alive, and no mere entry that whoever adopted it has yet to collect."""
    stat = Path(f"/proc/{pid}/stat")
    if sys.platform == "linux" and stat.exists():
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return is_alive(pid)


def count_steps(path: Path, answers: "multiprocessing.Queue[int]") -> None:
    with decode_in_child(path, SPEC) as steps:
        answers.put(len(list(steps)))


@pytest.mark.costly
def test_a_daemonic_worker_can_decode(video: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[int] = context.Queue()
    worker = context.Process(target=count_steps, args=(video, answers), daemon=True)
    worker.start()

    assert answers.get(timeout=60) == 200
    worker.join()
    answers.close()


@pytest.mark.costly
def test_two_decode_side_by_side(video: Path) -> None:
    with (
        decode_in_child(video, SPEC, ring_steps=4) as one,
        decode_in_child(video, SPEC, ring_steps=4) as other,
    ):
        pairs = [(a.frame, b.frame) for a, b in zip(one, other, strict=True)]

    assert pairs == [(frame, frame) for frame in range(200)]


@pytest.mark.costly
def test_a_thread_can_decode(video: Path) -> None:
    got: list[int] = []

    def decode() -> None:
        with decode_in_child(video, SPEC) as steps:
            got.extend(step.frame for step in steps)

    thread = threading.Thread(target=decode)
    thread.start()
    thread.join()

    assert got == list(range(200))


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


PAUSED = """
import sys
from pathlib import Path
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec

spec, how = FrameSpec(80, 48, fps=30.0), {"ring_steps": 4, "stall_timeout_s": 2.0}
with decode_in_child(Path(sys.argv[1]), spec, **how) as steps:
    next(steps)
    print(steps.pid, flush=True)
    sys.stdin.readline()
    print(1 + len(list(steps)), flush=True)
"""


def test_a_machine_that_stood_still_has_not_stalled(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    draw_video(path, frames=120)
    command = [sys.executable, "-c", PAUSED, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, signal.SIGSTOP)
        parent.stdin.write("go on\n")
        parent.stdin.flush()
        time.sleep(0.5)

        parent.send_signal(signal.SIGSTOP)
        time.sleep(3.0)
        parent.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        os.kill(child, signal.SIGCONT)

        assert parent.stdout.read().strip() == "120"
    assert parent.returncode == 0
