"""A card's decoder: the same frames, and software where there is none."""

from pathlib import Path

import av
import numpy as np
import pytest

from model.video import hardware
from model.video.decode import decode_in_child, iter_steps
from model.video.frame_spec import FrameSpec
from model.video.hardware import find_device, is_usable
from model.video.picture import FrameConverter
from model.video.probe import probe_in_child
from model.video.sandbox import SandboxReport
from model.video.warnings import warnings_of
from tests.videos import draw_video

SPEC = FrameSpec(64, 36, fps=10)

HERE = [name for name in ("cuda", "vaapi", "qsv") if is_usable(name)]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Two seconds of a drawn match."""
    path = tmp_path / "match.mp4"
    draw_video(path, frames=20, fps=10, size=(320, 180))
    return path


def test_no_device_is_opened_unless_it_is_asked_for() -> None:
    assert find_device("off") is None


@pytest.mark.skipif(bool(HERE), reason="there is a card here")
@pytest.mark.parametrize("wanted", ["auto", "cuda", "vaapi"])
def test_without_a_card_software_gives_its_frames_and_a_warning_tells(
    video: Path, wanted: hardware.Hardware, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_device(wanted) is None
    expected = [step.image for step in iter_steps(video, SPEC)]

    with decode_in_child(video, SPEC, hardware=wanted) as steps:
        found = [step.image for step in steps]
        sandbox = steps._child.sandbox

    assert np.array_equal(found, expected)
    # Nothing of the sandbox is given up for a driver that is not there.
    assert isinstance(sandbox, SandboxReport)
    assert not [why for why in sandbox.missing.values() if "hardware" in why]
    assert steps.tally is not None
    assert steps.tally.hardware == ""
    assert steps.tally.refused_hardware == ("" if wanted == "auto" else wanted)
    told = warnings_of(probe_in_child(video), steps.tally)
    assert ("hardware" in told) == (wanted != "auto")
    if told:
        assert f"by {wanted} was asked for" in told["hardware"]


def test_auto_takes_the_first_device_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "is_usable", lambda name: name == "vaapi")

    assert find_device("auto") == "vaapi"
    assert find_device("cuda") is None


@pytest.mark.parametrize("colours", ["bt709", "bt601"])
def test_what_a_card_gives_back_is_scaled_as_softwares_frames_are(
    video: Path, colours: str
) -> None:
    converter, other = FrameConverter(SPEC), FrameConverter(SPEC)
    with av.open(str(video)) as container:
        for picture in container.decode(video=0):
            assert picture.format.name == "yuv420p"
            picture.colorspace = {"bt709": 1, "bt601": 5}[colours]
            # NV12, as cuda, vaapi and qsv give frames back: the same samples.
            from_card = picture.reformat(format="nv12")
            expected = converter.convert(picture).astype(int)
            found = other.convert(from_card).astype(int)
            assert np.abs(found - expected).max() <= 2


@pytest.mark.cuda
@pytest.mark.skipif(not is_usable("cuda"), reason="needs an NVIDIA GPU")
def test_a_card_decodes_softwares_frames(video: Path) -> None:
    expected = [step.image.astype(int) for step in iter_steps(video, SPEC)]

    with decode_in_child(video, SPEC, hardware="cuda") as steps:
        found = [step.image.astype(int) for step in steps]

    assert steps.tally is not None
    assert steps.tally.hardware == "cuda"
    # H.264 decodes to the same samples everywhere.
    assert np.abs(np.array(found) - np.array(expected)).max() <= 2
