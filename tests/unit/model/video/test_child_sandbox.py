"""The true decoding process: what it may be, and that it decodes the same."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from model.errors import DecoderCrashed, UnreadableVideo
from model.video.decode import StepStream, decode_in_child, iter_steps
from model.video.frame_spec import FrameSpec
from model.video.probe import probe, probe_in_child
from model.video.process import inspect_sandbox
from tests.videos import draw_video

pytestmark = pytest.mark.slow

SPEC = FrameSpec(80, 48, fps=30.0)
ROOT = Path(__file__).parents[4]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")


@pytest.fixture(scope="module")
def missing() -> Mapping[str, str]:
    return inspect_sandbox().missing


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=200, b_frames=2)
    return path


@pytest.fixture
def steps(video: Path) -> Iterator[StepStream]:
    """A child that is in the middle of the file."""
    with decode_in_child(video, SPEC, ring_steps=4, converter_threads=2) as steps:
        next(steps)
        yield steps


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {
        name: value.strip() for name, _, value in (one.partition(":") for one in lines)
    }


def need(layer: str, missing: Mapping[str, str]) -> None:
    if layer in missing:
        pytest.skip(f"{layer}: {missing[layer]}")


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mkv", "libx265"),
        ("a.webm", "libvpx-vp9"),
        ("b.mkv", "libsvtav1"),
        ("a.avi", "mpeg4"),
        ("a.ts", "mpeg2video"),
        ("a.mov", "mjpeg"),
    ],
)
def test_every_kind_of_file_decodes_to_the_very_same_steps(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = tmp_path / name
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    draw_video(path, frames=20, codec=codec, pix_fmt=pixels, sound=name == "a.mp4")

    with decode_in_child(path, SPEC, converter_threads=2) as steps:
        got = list(steps)

    wanted = list(iter_steps(path, SPEC))
    assert len(got) == len(wanted) > 0
    for one, other in zip(got, wanted, strict=True):
        assert (one.frame, one.time_s) == (other.frame, other.time_s)
        assert np.array_equal(one.image, other.image)
    assert probe_in_child(path) == probe(path)


@pytest.mark.costly
@on_linux
@as_root
def test_a_child_of_root_is_not_root(
    steps: StepStream, missing: Mapping[str, str]
) -> None:
    need("user", missing)
    status = status_of(steps.pid)

    ids = {*status["Uid"].split(), *status["Gid"].split()}
    assert len(ids) == 1
    assert int(ids.pop()) >= 65534
    assert status["Groups"] == ""


@pytest.mark.costly
@on_linux
@as_root
def test_two_children_share_no_user(
    steps: StepStream, video: Path, missing: Mapping[str, str]
) -> None:
    need("user", missing)
    with decode_in_child(video, SPEC, ring_steps=4) as others:
        next(others)

        users = [status_of(pid)["Uid"] for pid in (steps.pid, others.pid)]

    if int(users[0].split()[0]) != 65534:  # Else a user namespace has no more.
        assert users[0] != users[1]


@pytest.mark.costly
@on_linux
def test_no_capability_is_left(steps: StepStream, missing: Mapping[str, str]) -> None:
    need("capabilities", missing)
    status = status_of(steps.pid)

    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[kind], 16) == 0


@pytest.mark.costly
@on_linux
def test_every_thread_is_held_by_what_the_kernel_has(
    steps: StepStream, missing: Mapping[str, str]
) -> None:
    need("no_new_privs", missing)
    need("seccomp", missing)
    threads = list(Path(f"/proc/{steps.pid}/task").iterdir())

    assert len(threads) > 2  # The watch, the converters, the decoder's own.
    for thread in threads:
        status = status_of(int(thread.name))
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


@pytest.mark.costly
@on_linux
def test_its_network_is_another(steps: StepStream, missing: Mapping[str, str]) -> None:
    need("network", missing)

    own = Path("/proc/self/ns/net").readlink()
    assert Path(f"/proc/{steps.pid}/ns/net").readlink() != own


@pytest.mark.costly
def test_which_layers_hold_is_told_to_the_log(
    video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG, logger="model.video.process"),
        decode_in_child(video, SPEC) as steps,
    ):
        next(steps)

    report = inspect_sandbox()
    assert caplog.messages == [f"sandbox of decoding process {steps.pid}: {report}"]
    told = {*report.held, *report.missing}
    assert told == {
        "network",
        "user",
        "capabilities",
        "no_new_privs",
        "landlock",
        "seccomp",
    }


@pytest.mark.costly
def test_a_file_that_only_the_parent_may_read_is_decoded(video: Path) -> None:
    video.chmod(0o600)
    video.parent.chmod(0o700)

    with decode_in_child(video, SPEC) as steps:
        assert len(list(steps)) == 200


def test_a_file_that_is_not_there_is_told_of_as_ever(tmp_path: Path) -> None:
    with (
        decode_in_child(tmp_path / "none.mp4", SPEC) as steps,
        pytest.raises(UnreadableVideo, match="No such file"),
    ):
        next(steps)


@pytest.mark.costly
def test_the_last_words_of_a_crash_still_come_through(steps: StepStream) -> None:
    os.kill(steps.pid, signal.SIGSEGV)

    with pytest.raises(DecoderCrashed) as caught:
        list(steps)

    assert "most recent call first" in caught.value.__notes__[0]


PARENT = """
import sys, time
from pathlib import Path
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec

with decode_in_child(Path(sys.argv[1]), FrameSpec(80, 48), ring_steps=4) as steps:
    next(steps)
    print(steps.pid, flush=True)
    time.sleep(60)
"""


@on_linux
def test_a_child_that_hangs_dies_with_its_parent_after_the_change_of_user(
    video: Path,
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(video)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    os.kill(child, signal.SIGSTOP)  # It can notice nothing by itself.

    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 20
    stat = Path(f"/proc/{child}/status")
    while stat.exists() and "zombie" not in stat.read_text():
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.02)
