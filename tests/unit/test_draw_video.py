"""What tests draw their videos with leaves the process as it was."""

import os
from pathlib import Path

import pytest

from tests.videos import draw_video


@pytest.mark.skipif(
    not hasattr(os, "sched_getscheduler"), reason="this system tells no policy"
)
def test_drawing_a_video_leaves_the_scheduling_as_it_was(tmp_path: Path) -> None:
    before = os.sched_getscheduler(0)

    draw_video(tmp_path / "a.mp4", frames=3, codec="libsvtav1")

    assert os.sched_getscheduler(0) == before
