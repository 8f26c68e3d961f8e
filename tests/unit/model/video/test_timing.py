"""Times of all frames, as decoding finds them, with and without a network."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from model.errors import Canceled, UnreadableVideo
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.frame_times import FrameTimes
from model.video.input_file import open_input
from model.video.limits import DEFAULT_LIMITS
from model.video.picture import FrameConverter
from model.video.source import open_video
from model.video.timing import time_frames_in_child
from tests.videos import draw_video, keep_packets, read_number

pytestmark = pytest.mark.slow

UNEVEN_MS = [0, 33, 50, 52, 400, 433, 441, 500, 520, 533, 1600, 1633]


def source_times(path: Path) -> list[float]:
    """Read every frame's time from the decoder, in this process."""
    with open_input(path) as file, open_video(file, limits=DEFAULT_LIMITS) as source:
        return [float(frame.time_s) for frame in source.frames()]


def numbers_at(path: Path, times: FrameTimes, frames: Sequence[int]) -> list[int]:
    """Read what is painted on frames, found by their times in the file."""
    converter = FrameConverter(FrameSpec(160, 96))
    with open_input(path) as file, open_video(file, limits=DEFAULT_LIMITS) as source:
        by_time = {
            float(frame.time_s): read_number(converter.convert(frame.picture))
            for frame in source.frames()
        }
    return [by_time[times.time_of(frame)] for frame in frames]


def test_each_frame_has_the_time_of_its_picture(tmp_path: Path) -> None:
    path = tmp_path / "uneven.mkv"
    drawn_s = draw_video(path, times_ms=UNEVEN_MS, b_frames=2)

    timed = time_frames_in_child(path)

    assert timed.frame_times.times_s.tolist() == pytest.approx(drawn_s, abs=1e-9)
    assert numbers_at(path, timed.frame_times, range(12)) == list(range(12))
    assert timed.tally.frames == 12


@pytest.mark.costly
@pytest.mark.parametrize("fps", [2.0, 10.0, 30.0, 60.0])
def test_frames_that_the_stride_skips_have_their_times_too(
    tmp_path: Path, fps: float
) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=2500, fps=50, size=(64, 48), b_frames=2, sound=True)

    with decode_in_child(path, FrameSpec(64, 48, fps=fps)) as steps:
        taken = [(step.frame, step.time_s) for step in steps]

    times = steps.frame_times
    assert times is not None
    assert times.times_s.tolist() == source_times(path)
    assert [times.time_of(frame) for frame, _ in taken] == [at for _, at in taken]


@pytest.mark.costly
def test_a_network_and_a_plain_count_find_the_same(tmp_path: Path) -> None:
    whole, holed = tmp_path / "whole.mp4", tmp_path / "holed.mp4"
    draw_video(whole, frames=90, b_frames=0, start_ms=1500, sound=True)
    keep_packets(whole, holed, keep=lambda index, _: index not in (20, 21, 22))

    timed = time_frames_in_child(holed)
    with decode_in_child(holed, FrameSpec(64, 48, fps=10.0)) as steps:
        list(steps)

    assert steps.frame_times is not None
    assert steps.tally == timed.tally
    assert steps.frame_times.times_s.tolist() == timed.frame_times.times_s.tolist()
    assert steps.frame_times.until_s == timed.frame_times.until_s


@pytest.mark.costly
def test_progress_is_told_and_may_stop_it(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    draw_video(path, frames=3000, fps=100, size=(64, 48))
    told: list[float] = []

    def stop(time_s: float) -> None:
        told.append(time_s)
        if time_s > 15:
            raise Canceled("enough")

    with pytest.raises(Canceled):
        time_frames_in_child(path, on_time=stop)

    assert 15 < told[-1] <= 20.47 + 1e-9  # at most 1024 frames at once


def test_what_cannot_be_decoded_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all")

    with pytest.raises(UnreadableVideo):
        time_frames_in_child(tmp_path / "text.mp4")
