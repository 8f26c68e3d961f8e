"""Makes clips as the service does, and reads back what frames and sound they hold."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from model.video.clips import Clips, cut_in_child
from model.video.cuts import Cut
from model.video.frame_times import FrameTimes
from model.video.picture import Image, orientation_of
from model.video.timing import time_frames_in_child
from tests.sounds import heard
from tests.videos import read_number

IN_STEP_S = 0.02
SAME_S = 1.5e-6


def make(
    path: Path, folder: Path, files: Sequence[Sequence[Cut]], **options: Any
) -> tuple[Clips, FrameTimes, list[Path]]:
    times = time_frames_in_child(path).frame_times
    paths = []
    with tempfile.TemporaryFile() as scratch:
        made = cut_in_child(path, scratch.fileno(), files, times=times, **options)
        for number in range(len(files)):
            target = folder / f"clip{number}.mp4"
            target.write_bytes(b"".join(made.pieces(scratch.fileno(), number)))
            paths.append(target)
    return made, times, paths


def shown(path: Path) -> list[tuple[int, float]]:
    """Read the number that each frame shows, and its time."""
    with av.open(str(path)) as container:
        return [
            (
                read_number(upright(frame)),
                float(frame.pts * frame.time_base),
            )
            for frame in container.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]


def upright(frame: av.VideoFrame) -> Image:
    image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.rot90(image, orientation_of(frame)[0])


def assert_shows(path: Path, cuts: Sequence[Cut], times: FrameTimes) -> None:
    """The frames of the cuts are there, as long as in the video, and no other."""
    wanted: list[tuple[int, float]] = []
    begin_s = 0.0
    for cut in cuts:
        first_s = cut.start_s(times)
        wanted += [
            (number, begin_s + times.time_of(number) - first_s)
            for number in range(cut.first, cut.until)
        ]
        begin_s += cut.end_s(times) - first_s
    found = shown(path)
    assert [number for number, _ in found] == [number for number, _ in wanted]
    assert [at for _, at in found] == pytest.approx(
        [at for _, at in wanted], abs=SAME_S * (len(cuts) + 1)
    )


def beeps(source: Path, times: FrameTimes, cuts: Sequence[Cut]) -> list[float]:
    """Tell when beeps are to be heard: by where they are in the source."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        first = next(container.decode(stream))
        assert first.pts is not None
        assert first.time_base is not None
        shift_s = float(first.pts * first.time_base) - times.time_of(0)
    in_source = [at - shift_s for at in heard(source)]
    wanted, begin_s = [], 0.0
    for cut in cuts:
        start_s, end_s = cut.start_s(times), cut.end_s(times)
        wanted += [begin_s + at - start_s for at in in_source if start_s <= at < end_s]
        begin_s += end_s - start_s
    return wanted
