"""Segments of a recording are moved in time and joined by their boxes alone."""

import struct
from pathlib import Path

import av
import pytest

from model.errors import UnreadableVideo
from model.video.segments import boxes, fragments, head_size, shifted, still_until
from tests.live_fakes import draw_segment


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


def test_a_segment_is_a_head_and_fragments(tmp_path: Path) -> None:
    data = draw_segment(tmp_path / "a.mp4", start_s=0, frames=5).read_bytes()

    kinds = [box.kind for box in boxes(data)]

    assert kinds[:4] == [b"ftyp", b"moov", b"moof", b"mdat"]
    assert data[head_size(data) + 4 : head_size(data) + 8] == b"moof"
    assert b"".join(fragments(data)).startswith(data[head_size(data) :][:64])


def test_segments_behind_each_other_are_one_video_with_the_times_of_the_stream(
    tmp_path: Path,
) -> None:
    first = draw_segment(tmp_path / "a.mp4", start_s=0, frames=25).read_bytes()
    later = draw_segment(tmp_path / "b.mp4", start_s=7.5, frames=25).read_bytes()
    whole = tmp_path / "whole.mp4"

    whole.write_bytes(
        first[: head_size(first)] + b"".join([*fragments(first), *fragments(later)])
    )

    times = times_of(whole)
    assert len(times) == 50
    assert times[0] == 0
    assert times[25] == pytest.approx(7.5)
    assert times[-1] == pytest.approx(7.5 + 24 / 25)


def test_a_recording_that_began_late_shows_its_first_picture_until_then(
    tmp_path: Path,
) -> None:
    late = draw_segment(tmp_path / "a.mp4", start_s=7.5, frames=25).read_bytes()
    head, whole = late[: head_size(late)], tmp_path / "whole.mp4"

    whole.write_bytes(head + still_until(late, 7.5) + b"".join(fragments(late)))

    times = times_of(whole)
    assert len(times) == 26
    assert times[:2] == [0, pytest.approx(7.5)]


def test_a_segment_moved_before_the_beginning_is_refused(tmp_path: Path) -> None:
    data = draw_segment(tmp_path / "a.mp4", start_s=1, frames=3).read_bytes()

    assert shifted(shifted(data, 2.0), -2.0) == data
    with pytest.raises(UnreadableVideo, match="outside"):
        shifted(data, -2.0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no boxes",
        struct.pack(">I4s", 4, b"moov"),
        struct.pack(">I4s", 100, b"moov"),
        struct.pack(">I4sI4s", 8, b"ftyp", 8, b"moof"),
    ],
)
def test_what_is_no_fragmented_mp4_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableVideo):
        head_size(data)
