"""Damage inside a video: if it is most of it, it is refused; a little is counted."""

from pathlib import Path

import pytest

from model.errors import UnreadableVideo
from model.video.decode import iter_steps
from model.video.frame_spec import FrameSpec
from model.video.input_file import open_input
from model.video.limits import DEFAULT_LIMITS
from model.video.probe import probe
from model.video.source import Tally, open_video
from model.video.warnings import warnings_of
from tests.videos import draw_video, match_picture, ruin_packets

SPEC = FrameSpec(80, 48, fps=30.0)


@pytest.mark.parametrize("name", ["ruin.mp4", "ruin.mkv", "ruin.avi"])
def test_a_video_that_is_mostly_corrupt_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    draw_video(path, frames=60, key_every=12, size=(320, 240), paint=match_picture)
    ruin_packets(path, lambda number: number >= 12)

    with pytest.raises(UnreadableVideo, match=r"Most of the video is corrupt \(\d+ of"):
        list(iter_steps(path, SPEC))


@pytest.mark.parametrize("name", ["scar.mp4", "scar.mkv", "scar.avi"])
def test_a_video_that_is_a_little_corrupt_plays_and_is_counted(
    tmp_path: Path, name: str
) -> None:
    path, tally = tmp_path / name, Tally()
    draw_video(path, frames=60, key_every=12, size=(320, 240), paint=match_picture)
    ruin_packets(path, lambda number: number in (13, 14))
    facts = probe(path)

    steps = list(iter_steps(path, SPEC, tally=tally))

    assert len(steps) >= 58
    assert 1 <= tally.damaged_packets + tally.corrupt_frames <= 11
    assert "of 60 pieces" in warnings_of(facts, tally)["damaged"]


@pytest.mark.parametrize("name", ["end.mp4", "end.mkv", "end.avi"])
@pytest.mark.parametrize("from_end", [1, 2, 4])
@pytest.mark.parametrize("threads", [1, 2, 4, 8])
def test_one_damaged_packet_near_the_end_costs_one_frame(
    tmp_path: Path, name: str, from_end: int, threads: int
) -> None:
    path, tally = tmp_path / name, Tally()
    draw_video(path, frames=30, b_frames=2)
    ruin_packets(path, lambda number: number == 30 - from_end)

    with (
        open_input(path) as file,
        open_video(file, limits=DEFAULT_LIMITS, tally=tally) as source,
    ):
        source.stream.codec_context.thread_count = threads
        frames = list(source.frames())

    assert len(frames) == 29
    assert tally.damaged_packets == 1
