"""Files of other projects' test suites, of kinds that tools really write."""

import pytest

from model.errors import UnsupportedMedia
from model.video.decode import iter_steps
from model.video.frame_spec import FrameSpec
from model.video.probe import probe
from model.video.source import Tally
from model.video.stills import stills_in_child
from tests.shared_data import shared_file


def test_an_encrypted_video_is_refused_as_such() -> None:
    path = shared_file("cases/video/mp4ff__cbcs.mp4")

    with pytest.raises(UnsupportedMedia, match="is encrypted"):
        probe(path)
    with pytest.raises(UnsupportedMedia, match="is encrypted"):
        list(iter_steps(path, FrameSpec(80, 48)))


@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [
        ("mp4ff__stereo_spatial.mp4", 10, 30.0),
        ("media__water_180_mvhevc_5frames.mov", 5, 90.0),
    ],
)
def test_side_data_of_unknown_kinds_does_no_harm(
    name: str, frames: int, fps: float
) -> None:
    path = shared_file(f"cases/video/{name}")
    tally = Tally()

    facts = probe(path)
    steps = list(iter_steps(path, FrameSpec(80, 48, fps=fps), tally=tally))

    assert facts.rotation == 0
    assert facts.frame_count_estimate == tally.frames == len(steps) == frames
    assert stills_in_child(path).tiles


def test_a_fragmented_file_that_starts_late_is_as_long_as_its_frames() -> None:
    facts = probe(shared_file("cases/video/mp4ff__cbcsdec.mp4"))

    assert facts.duration_s == pytest.approx(182 * 1001 / 24_000, abs=0.002)
    assert facts.frame_count_estimate == 182
    assert facts.fps == pytest.approx(24_000 / 1001)


def test_a_file_whose_first_frame_is_at_ten_seconds_counts_from_it() -> None:
    path = shared_file(
        "cases/video/media__bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4"
    )

    facts = probe(path)
    first = next(iter(iter_steps(path, FrameSpec(80, 48, fps=30.0))))

    assert facts.start_time_s == 10.0
    assert facts.duration_s == pytest.approx(4.0)
    assert (first.time_s, first.frame, facts.frame_count_estimate) == (0.0, 0, 120)
