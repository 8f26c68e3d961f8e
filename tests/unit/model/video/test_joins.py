"""Files become one video: every frame at its time, sound beside it, nothing encoded."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from model.errors import Canceled, PartsDiffer, UnreadableVideo
from model.video.joining import Joining, pieces_of
from model.video.joins import Joined, PartFile
from model.video.limits import MediaLimits
from model.video.timing import time_frames_in_child
from tests.sounds import beep, heard
from tests.videos import draw_video, read_number

pytestmark = pytest.mark.slow


def join(parts: Sequence[Path], out: Path, **options: Any) -> tuple[Joined, Joining]:
    joining = Joining([PartFile(path, path.name) for path in parts], **options)
    with (out.parent / "scratch").open("w+b") as scratch:
        joined = joining.write(scratch.fileno())
        out.write_bytes(b"".join(pieces_of(joined, scratch.fileno())))
    return joined, joining


def numbers(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [
            read_number(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in container.decode(video=0)
        ]


def counted_from(first: int) -> Any:
    from tests.videos import number_picture

    return lambda number, width, height: number_picture(first + number, width, height)


def parts_of(folder: Path, suffix: str, **options: Any) -> list[Path]:
    """Draw three parts whose pictures count on."""
    found, first = [], 0
    for number, frames in enumerate((31, 24, 40)):
        path = folder / f"part{number}{suffix}"
        draw_video(path, frames=frames, paint=counted_from(first), **options)
        first += frames
        found.append(path)
    return found


def times_of(path: Path) -> NDArray[np.float64]:
    return time_frames_in_child(path).frame_times.times_s


def expected(parts: Sequence[Path]) -> Iterator[float]:
    """Put the parts' own times behind each other, as slowly as can be."""
    begin_s = 0.0
    for part in parts:
        own = time_frames_in_child(part).frame_times
        first_s = own.times_s[0]
        for time_s in own.times_s:
            yield begin_s + time_s - first_s
        begin_s += own.until_s - first_s


KINDS: dict[str, dict[str, Any]] = {
    "25": {"suffix": ".mp4", "fps": 25},
    "29.97": {"suffix": ".mp4", "fps": 29.97},
    "50 with B-frames": {"suffix": ".mp4", "fps": 50, "b_frames": 3},
    "matroska": {"suffix": ".mkv", "fps": 25, "b_frames": 2},
    "camera": {"suffix": ".MTS", "fps": 25, "b_frames": 2, "container": "mpegts"},
    "late start": {"suffix": ".mp4", "fps": 25, "b_frames": 2, "start_ms": 700},
    "hevc": {"suffix": ".mp4", "fps": 25, "codec": "libx265"},
    "hevc with open groups": {
        "suffix": ".mp4",
        "fps": 25,
        "codec": "libx265",
        "b_frames": 3,
        "key_every": 10,
    },
    "av1": {"suffix": ".mp4", "fps": 25, "codec": "libsvtav1"},
    "turned": {"suffix": ".mp4", "fps": 25, "rotation": 90},
    "10 bits": {"suffix": ".mov", "fps": 25, "pix_fmt": "yuv420p10le"},
}


@pytest.mark.costly
@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_like_parts_are_copied_and_keep_their_times(
    kind: str, tmp_path: Path
) -> None:
    parts = parts_of(tmp_path, **KINDS[kind])
    out = tmp_path / "match.mp4"

    joined, joining = join(parts, out)

    assert joined.mode == "copied"
    assert joining.warnings(joined) == {}
    assert [part.frames for part in joined.parts] == [31, 24, 40]
    found, wanted = times_of(out), np.array(list(expected(parts)))
    assert len(found) == len(wanted)
    assert np.abs(found - found[0] - wanted).max() < 0.0006
    if kind != "turned":
        assert numbers(out) == list(range(95))


def test_times_of_a_variable_rate_are_kept_to_the_tick(tmp_path: Path) -> None:
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    draw_video(one, times_ms=[0, 40, 73, 200, 240, 900, 940])
    draw_video(other, times_ms=[0, 20, 300, 333, 400], paint=counted_from(7))

    joined, _ = join([one, other], tmp_path / "out.mp4")

    found = times_of(tmp_path / "out.mp4")
    assert np.allclose(found[:7], [0, 0.04, 0.073, 0.2, 0.24, 0.9, 0.94], atol=1e-6)
    assert np.allclose(found[7:] - found[7], [0, 0.02, 0.3, 0.333, 0.4], atol=1e-6)
    assert found[7] == pytest.approx(joined.parts[1].start_s, abs=1e-6)
    assert 0.94 < found[7] < 1.04
    assert numbers(tmp_path / "out.mp4") == list(range(12))


@pytest.mark.costly
def test_a_part_says_what_is_to_be_added_to_its_times(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, ".mp4", fps=25, start_ms=700)

    joined, _ = join(parts, tmp_path / "out.mp4")

    found = times_of(tmp_path / "out.mp4")
    own = times_of(parts[1])
    assert np.allclose(own + joined.parts[1].offset_s, found[31:55], atol=1e-6)
    assert joined.parts[1].start_s == pytest.approx(31 / 25)
    assert joined.parts[1].end_s == joined.parts[2].start_s


SOUNDS: dict[str, list[dict[str, Any]]] = {
    "alike": [{}, {}],
    "44.1 kHz": [{"rate": 44_100}, {"rate": 44_100}],
    "of other rates": [{}, {"rate": 44_100}],
    "uncompressed": [{"codec": "pcm_s16le"}, {"codec": "pcm_s16le"}],
}


@pytest.mark.costly
@pytest.mark.parametrize("kind", SOUNDS)
@pytest.mark.parametrize("suffix", [".mov", ".ts"])
def test_sound_stays_in_step(kind: str, suffix: str, tmp_path: Path) -> None:
    if kind == "uncompressed" and suffix == ".ts":
        pytest.skip("MPEG-TS holds none")
    parts = []
    for number, options in enumerate(SOUNDS[kind]):
        silent = tmp_path / f"silent{number}.mp4"
        draw_video(silent, frames=75, fps=25, b_frames=2)
        parts.append(tmp_path / f"part{number}{suffix}")
        beep(parts[-1], silent, [0.5, 1.7, 2.4], **options)

    joined, joining = join(parts, tmp_path / "out.mp4")

    is_copied = kind in ("alike", "44.1 kHz")
    assert joined.mode == "copied"
    assert joined.sound == ("copied" if is_copied else "encoded")
    assert ("sound_encoded" in joining.warnings(joined)) is not is_copied
    first_s = times_of(tmp_path / "out.mp4")[0]
    wanted = []
    for path, part in zip(parts, joined.parts, strict=True):
        with av.open(str(path)) as container:
            start = container.start_time
        assert start is not None
        wanted += [at - start / 1e6 + part.offset_s for at in heard(path)]
    found = [
        at - _start_of(tmp_path / "out.mp4") - first_s
        for at in heard(tmp_path / "out.mp4")
    ]
    assert np.allclose(found, wanted, atol=0.020)


def _start_of(path: Path) -> float:
    with av.open(str(path)) as container:
        return (container.start_time or 0) / 1e6


@pytest.mark.costly
def test_a_part_without_sound_is_silent(tmp_path: Path) -> None:
    silent, loud = tmp_path / "silent.mp4", tmp_path / "loud.mp4"
    draw_video(silent, frames=75, fps=25)
    beep(loud, silent, [0.5])

    joined, _ = join([silent, loud], tmp_path / "out.mp4")

    assert joined.sound == "encoded"
    assert heard(tmp_path / "out.mp4") == pytest.approx([3.5], abs=0.02)


DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "size": ({"size": (192, 96)}, "the pictures of b.mp4 are 192x96"),
    "codec": ({"codec": "libx265"}, "b.mp4 has the codec hevc, a.mp4 has h264"),
    "turn": ({"rotation": 180}, "b.mp4 are turned by 180 degrees"),
    "settings": ({"b_frames": 3}, "encoded with different settings"),
}


@pytest.mark.costly
@pytest.mark.parametrize("kind", DIFFERENT)
def test_parts_that_differ_are_encoded_and_it_is_said(
    kind: str, tmp_path: Path
) -> None:
    options, why = DIFFERENT[kind]
    one, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    draw_video(one, frames=20, fps=25)
    draw_video(other, frames=30, fps=50, paint=counted_from(20), **options)

    joined, joining = join([one, other], tmp_path / "out.mp4")

    assert joined.mode == "encoded"
    assert why in joining.warnings(joined)["encoded"]
    found, wanted = times_of(tmp_path / "out.mp4"), list(expected([one, other]))
    assert np.allclose(found - found[0], wanted, atol=1e-5)
    if kind != "turn":
        assert numbers(tmp_path / "out.mp4")[:20] == list(range(20))


@pytest.mark.costly
def test_hours_are_not_encoded_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    draw_video(one, frames=50, fps=25)
    draw_video(other, frames=50, fps=25, size=(192, 96))
    monkeypatch.setattr("model.video.joining.UNASKED_S", 3.0)

    with pytest.raises(PartsDiffer, match=r"192x96.*ask for it with encode"):
        join([one, other], tmp_path / "out.mp4")

    assert join([one, other], tmp_path / "out.mp4", encode=True)[0].mode == "encoded"


def test_nothing_is_encoded_where_that_was_excluded(tmp_path: Path) -> None:
    one, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    draw_video(one, frames=5)
    draw_video(other, frames=5, size=(192, 96))

    with pytest.raises(PartsDiffer, match="192x96"):
        join([one, other], tmp_path / "out.mp4", encode=False)


def test_a_part_that_is_no_video_is_named(tmp_path: Path) -> None:
    one, other = tmp_path / "a.mp4", tmp_path / "notes.mp4"
    draw_video(one, frames=5)
    other.write_text("what the coach said " * 50)

    with pytest.raises(UnreadableVideo, match=r"^notes\.mp4: The file is not a video"):
        join([one, other], tmp_path / "out.mp4")


@pytest.mark.costly
def test_files_that_begin_between_key_frames_are_encoded(tmp_path: Path) -> None:
    """Trimmed without encoding: an edit list hides frames that the file still has."""
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    draw_video(whole, frames=48, fps=25, key_every=24, b_frames=2)
    os.spawnlp(
        *(os.P_WAIT, "ffmpeg", "ffmpeg", "-v", "error", "-ss", "0.4"),
        *("-i", str(whole), "-c", "copy", str(cut)),
    )
    if not cut.exists():
        pytest.skip("no ffmpeg here")

    joined, _ = join([cut, whole], tmp_path / "out.mp4")

    found = numbers(tmp_path / "out.mp4")
    assert found == [*numbers(cut), *range(48)]
    assert joined.mode == "encoded"


@pytest.mark.costly
def test_parts_in_the_wrong_order_are_noticed(tmp_path: Path) -> None:
    parts = []
    for number, at in enumerate(
        (
            datetime(2024, 5, 4, 16, 0, tzinfo=UTC),
            datetime(2024, 5, 4, 15, 0, tzinfo=UTC),
        )
    ):
        silent, path = tmp_path / "silent.mp4", tmp_path / f"GX0{number}.mp4"
        draw_video(silent, frames=5)
        with av.open(str(silent)) as reader, av.open(str(path), "w") as writer:
            writer.metadata["creation_time"] = at.isoformat()
            copy = writer.add_stream_from_template(reader.streams.video[0])
            for packet in reader.demux(video=0):
                if packet.dts is not None:
                    packet.stream = copy
                    writer.mux(packet)
        parts.append(path)

    joined, joining = join(parts, tmp_path / "out.mp4")
    assert "GX01.mp4 follows GX00.mp4" in joining.warnings(joined)["order"]

    joined, joining = join(parts[::-1], tmp_path / "out.mp4")
    assert "order" not in joining.warnings(joined)


def test_the_whole_may_not_be_longer_than_a_video_may(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, ".mp4", fps=25)

    with pytest.raises(Exception, match=r"at most 3 s"):
        join(parts, tmp_path / "out.mp4", limits=MediaLimits(max_duration_s=3.0))


def test_joining_can_be_stopped(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, ".mp4", fps=25)

    def stop() -> None:
        raise Canceled

    with pytest.raises(Canceled):
        join(parts, tmp_path / "out.mp4", on_wait=stop)
