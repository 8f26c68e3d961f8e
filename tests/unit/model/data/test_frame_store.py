"""The frame store holds what the decoder gives, whole or not at all."""

import errno
import json
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest

from model.data.frame_store import open_match, prepare_match, prepared_facts
from model.data.labels import Match
from model.data.matches import find_matches
from model.errors import BadAnnotations, ModelError, TrainingFailed, UnreadableVideo
from model.video.decode import iter_steps
from model.video.frame_spec import FrameSpec
from tests.unit.model.training.toys import FPS, HEIGHT, WIDTH, toy_match
from tests.videos import draw_video

pytestmark = pytest.mark.slow

SPEC = FrameSpec(width=WIDTH, height=HEIGHT, crop=(8, 4, 40, 40), fps=FPS)


def damage(video: Path, *, packets: range) -> None:
    """Write over some packets of a video."""
    data = bytearray(video.read_bytes())
    with av.open(str(video)) as container:
        for number, packet in enumerate(container.demux(video=0)):
            if number in packets and packet.pos is not None:
                data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    video.write_bytes(bytes(data))


@pytest.fixture
def match(tmp_path: Path) -> Match:
    """A drawn match of three seconds."""
    toy_match(tmp_path / "data" / "m", seed=1, seconds=3)
    return find_matches(tmp_path / "data")[0]


def test_the_store_holds_the_whole_pictures_that_the_decoder_gives(
    match: Match, tmp_path: Path
) -> None:
    prepare_match(match, tmp_path / "store", SPEC)

    stored = open_match(match, tmp_path / "store", SPEC)

    whole = FrameSpec(width=WIDTH, height=HEIGHT, fps=FPS)
    steps = list(iter_steps(match.video, whole))
    assert np.array_equal(stored.frames, np.stack([step.image for step in steps]))
    assert stored.time_s.tolist() == [step.time_s for step in steps]
    assert stored.frame.tolist() == [step.frame for step in steps]


def test_a_match_that_is_there_is_not_decoded_again(
    match: Match, tmp_path: Path
) -> None:
    folder = prepare_match(match, tmp_path, SPEC)
    before = (folder / "frames.npy").stat().st_mtime_ns

    prepare_match(match, tmp_path, SPEC)

    assert (folder / "frames.npy").stat().st_mtime_ns == before


def test_another_rate_asks_for_preparing_again(match: Match, tmp_path: Path) -> None:
    prepare_match(match, tmp_path, SPEC)

    with pytest.raises(BadAnnotations, match="touchline data prepare"):
        open_match(match, tmp_path, replace(SPEC, fps=5.0))


def test_another_crop_needs_no_preparing(match: Match, tmp_path: Path) -> None:
    prepare_match(match, tmp_path, SPEC)

    assert len(open_match(match, tmp_path, replace(SPEC, crop=None))) == 3 * FPS


def test_a_full_disk_says_so_and_leaves_nothing_of_the_match(
    match: Match, tmp_path: Path
) -> None:
    def fill_the_disk(steps: int) -> None:
        if steps == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TrainingFailed, match="is full"):
        prepare_match(match, tmp_path / "store", SPEC, on_step=fill_the_disk)

    assert [p for p in (tmp_path / "store").rglob("*") if p.is_file()] == []


def test_a_corrupt_video_leaves_nothing_of_the_match(
    match: Match, tmp_path: Path
) -> None:
    match.video.write_bytes(b"no video at all" * 50)

    with pytest.raises(ModelError):
        prepare_match(match, tmp_path / "store", SPEC)

    assert [p for p in (tmp_path / "store").rglob("*") if p.is_file()] == []


def test_a_video_damaged_in_its_middle_is_corrupt(match: Match, tmp_path: Path) -> None:
    damage(match.video, packets=range(10, 20))

    with pytest.raises(UnreadableVideo, match=r"3\d\.\d% of the video"):
        prepare_match(match, tmp_path / "store", SPEC)

    assert [p for p in (tmp_path / "store").rglob("*") if p.is_file()] == []


@pytest.mark.costly
def test_a_scratch_is_stepped_over_and_reported(match: Match, tmp_path: Path) -> None:
    draw_video(match.video, frames=400, fps=FPS, size=(WIDTH, HEIGHT))
    damage(match.video, packets=range(200, 202))

    facts = prepared_facts(prepare_match(match, tmp_path / "store", SPEC))

    assert facts.damaged_packets == 2
    assert facts.minutes == pytest.approx(40 / 60)


def test_the_facts_tell_minutes_and_bytes(match: Match, tmp_path: Path) -> None:
    facts = prepared_facts(prepare_match(match, tmp_path, SPEC))

    assert facts.minutes == pytest.approx(3 / 60)
    assert facts.size_bytes > 3 * FPS * WIDTH * HEIGHT * 3


@pytest.mark.parametrize("name", ["match.json", "frames.npy"])
def test_files_that_are_not_the_stores_are_left(
    match: Match, tmp_path: Path, name: str
) -> None:
    theirs = tmp_path / "store" / match.name / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"score": "2:1"}')

    with pytest.raises(BadAnnotations, match="was not written by Touchline"):
        prepare_match(match, tmp_path / "store", SPEC)

    assert theirs.read_text() == '{"score": "2:1"}'
    assert list(theirs.parent.iterdir()) == [theirs]


@pytest.mark.costly
def test_frames_whose_index_a_crash_has_cost_are_made_again(
    match: Match, tmp_path: Path
) -> None:
    folder = prepare_match(match, tmp_path / "store", SPEC)
    (folder / "match.json").unlink()

    prepare_match(match, tmp_path / "store", SPEC)

    assert len(open_match(match, tmp_path / "store", SPEC)) == 3 * FPS


@pytest.mark.costly
def test_labels_that_count_frames_follow_a_variable_rate(tmp_path: Path) -> None:
    times_ms = [0, *accumulate([40] * 60 + [125] * 60)]
    root = tmp_path / "data"
    root.mkdir()
    shown = draw_video(root / "m.mkv", times_ms=times_ms, size=(WIDTH, HEIGHT))
    rate = (len(shown) - 1) / (shown[-1] - shown[0])
    video = {"video": "m", "num_frames": len(shown), "num_events": 2, "fps": rate}
    events = [{"frame": 30, "label": "PASS"}, {"frame": 61, "label": "SHOT"}]
    (root / "labels.json").write_text(json.dumps([{**video, "events": events}]))
    (match,) = find_matches(root)
    prepare_match(match, tmp_path / "store", SPEC)

    stored = open_match(match, tmp_path / "store", SPEC)

    off_s = [abs(event.time_s - 61 / rate) for event in match.labels.events[1:]]
    assert off_s == [0.0]  # as the file alone has it, seconds from where it is shown
    assert abs(61 / rate - shown[61]) > 2
    found = [event.time_s for event in stored.labels.events]
    # Between two decoded steps the time of a frame is between theirs.
    assert found == pytest.approx([shown[30], shown[61]], abs=0.13)
