"""What is recorded: complete segments, at the stream's own times, that players take."""

import json
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from model.video.live.sources import PushSource
from tests.live_streams import (
    AAC,
    FAST,
    X264,
    Seen,
    Segments,
    encoded,
    needs_ffmpeg,
    pictures,
    tone,
    watch,
)
from tests.videos import draw_video, read_number

pytestmark = [needs_ffmpeg, pytest.mark.slow]


def recorded(folder: Path, *pieces: bytes) -> tuple[Seen, Segments]:
    """Push bytes and record what becomes of them."""
    source, taken = PushSource(), Segments()

    def push() -> None:
        for piece in pieces:
            source.write(piece)
        source.finish()

    thread = threading.Thread(target=push)
    thread.start()
    settings = replace(FAST, stall_timeout_s=10.0, give_up_s=10.0)
    seen = watch(source, settings, record=taken, folder=folder)
    thread.join()
    assert seen.error is None
    assert taken.failures == []
    return seen, taken


def frames_of(path: Path) -> list[tuple[float, int]]:
    """Return times of pictures and the numbers that they show."""
    with av.open(str(path)) as container:
        return [
            (float(one.time or 0), read_number(pixels_of(one)))
            for one in container.decode(video=0)
        ]


def pixels_of(frame: Any) -> Any:
    return frame.to_ndarray(format="rgb24")


def head_bytes(path: Path) -> int:
    """Return how many bytes of a segment come before its first fragment."""
    data, at = path.read_bytes(), 0
    kinds = []
    while data[at + 4 : at + 8] != b"moof":
        kinds.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4])
    assert kinds == [b"ftyp", b"moov"]
    return at


def playlist(taken: Segments, folder: Path) -> Path:
    """Write a playlist whose heads are ranges of the segments' own files."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:5"]
    for _, file, _, duration_s, _ in taken.taken:
        head, size = head_bytes(file), file.stat().st_size
        lines += [
            f'#EXT-X-MAP:URI="{file.name}",BYTERANGE="{head}@0"',
            f"#EXTINF:{duration_s},",
            f"#EXT-X-BYTERANGE:{size - head}@{head}",
            file.name,
        ]
    path = folder / "index.m3u8"
    path.write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
    return path


def probed(path: Path, entries: str) -> Sequence[dict[str, Any]]:
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", entries]
    shown = subprocess.run([*command, str(path)], capture_output=True, text=True)
    assert shown.stderr == ""
    found: Sequence[dict[str, str]] = json.loads(shown.stdout)[
        f"{entries.split('=')[0]}s"
    ]
    return found


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_no_picture_is_lost_and_each_is_at_its_time(
    tmp_path: Path, suffix: str, b_frames: int
) -> None:
    path = tmp_path / f"sent{suffix}"
    truth = draw_video(path, frames=60, fps=25, b_frames=b_frames, key_every=15)

    seen, taken = recorded(tmp_path, path.read_bytes())

    frames = [one for _, file, *_ in taken.taken for one in frames_of(file)]
    assert [number for _, number in frames] == list(range(60))
    times_s = [time_s for time_s, _ in frames]
    assert times_s == pytest.approx(truth, abs=0.002)
    starts = [frames_of(file)[0][0] for _, file, *_ in taken.taken]
    assert starts == pytest.approx([one[2] for one in taken.taken], abs=0.002)
    # Steps show what the recording shows at their time.
    for step in seen.steps:
        nearest = min(frames, key=lambda one: abs(one[0] - step.media_s))
        assert read_number(step.image) == nearest[1]


def test_segments_follow_each_other_without_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "sent.ts"
    draw_video(path, frames=60, fps=25, key_every=15)

    _, taken = recorded(tmp_path, path.read_bytes())

    assert [one[0] for one in taken.taken] == list(range(len(taken.taken)))
    assert len(taken.taken) == 4
    ends = [one[2] + one[3] for one in taken.taken]
    assert ends[:-1] == pytest.approx([one[2] for one in taken.taken[1:]])
    assert ends[-1] == pytest.approx(2.4, abs=0.05)
    assert not any(one[4] for one in taken.taken)


def test_a_variable_rate_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "sent.mkv"
    times_ms = [0, 30, 90, 200, 210, 400, 480, 600, 610, 900, 950, 1300, 1333, 1366]
    draw_video(path, times_ms=times_ms, key_every=5)

    _, taken = recorded(tmp_path, path.read_bytes())

    frames = [one for _, file, *_ in taken.taken for one in frames_of(file)]
    assert [1000 * one for one, _ in frames] == pytest.approx(times_ms, abs=2)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("kind", ["mpegts", "flv", "matroska"])
def test_a_player_reads_the_playlist(tmp_path: Path, codec: str, kind: str) -> None:
    if (codec, kind) == ("libx265", "flv"):
        pytest.skip("this ffmpeg program writes no HEVC into FLV")
    coded = ("-c:v", codec, "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25")
    sent = encoded(*pictures(2, live=False), *tone(2), *coded, *AAC, "-f", kind)

    _, taken = recorded(tmp_path, sent)

    path = playlist(taken, tmp_path)
    streams = probed(path, "stream=codec_name")
    name = "h264" if codec == "libx264" else "hevc"
    assert sorted(one["codec_name"] for one in streams) == sorted([name, "aac"])
    packets = probed(path, "packet=pts_time,codec_type")
    seen = [float(x["pts_time"]) for x in packets if x["codec_type"] == "video"]
    assert len(seen) == 50
    heard = [float(x["pts_time"]) for x in packets if x["codec_type"] == "audio"]
    assert len(heard) == pytest.approx(2 * 44100 / 1024, abs=3)
    assert abs(min(seen) - min(heard)) < 0.1


@pytest.mark.costly
def test_av1_is_recorded_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sent.webm"
    draw_video(path, frames=30, codec="libsvtav1", key_every=10)

    _, taken = recorded(tmp_path, path.read_bytes())

    frames = [one for _, file, *_ in taken.taken for one in frames_of(file)]
    assert len(frames) == 30
    assert {
        probed(file, "stream=codec_name")[0]["codec_name"]
        for _, file, *_ in taken.taken
    } == {"av1"}


def test_vp8_of_any_rate_becomes_h264(tmp_path: Path) -> None:
    path = tmp_path / "sent.webm"
    times_ms = [0, 33, 70, 190, 240, 250, 500, 533, 566, 700, 1100, 1133, 1166, 1400]
    draw_video(path, times_ms=times_ms, codec="libvpx", key_every=100)

    _, taken = recorded(tmp_path, path.read_bytes())

    frames = [one for _, file, *_ in taken.taken for one in frames_of(file)]
    kept = [at for at in times_ms if at != 250]  # Too near to the one before.
    assert [1000 * one for one, _ in frames] == pytest.approx(kept, abs=2)
    assert len(taken.taken) >= 2  # Though the source sends one key picture.
    assert {
        probed(file, "stream=codec_name")[0]["codec_name"]
        for _, file, *_ in taken.taken
    } == {"h264"}


def test_another_size_has_a_head_of_its_own(tmp_path: Path) -> None:
    coded = (*X264, "-g", "10", "-f", "mpegts")
    first = encoded(*pictures(1, live=False), *coded)
    later = ("-output_ts_offset", "1")
    second = encoded(*pictures(1, live=False, size="320x192"), *coded, *later)

    _, taken = recorded(tmp_path, first, second)

    sizes = [probed(file, "stream=width")[0]["width"] for _, file, *_ in taken.taken]
    assert sizes == sorted(sizes)
    assert set(sizes) == {160, 320}
    for _, file, *_ in taken.taken:
        head = file.read_bytes()[: head_bytes(file)]
        at = head.index(b"tkhd")
        width = Fraction(int.from_bytes(head[at + 80 : at + 84]), 1 << 16)
        assert width == probed(file, "stream=width")[0]["width"]


@pytest.mark.parametrize("kind", ["mpegts", "flv", "matroska"])
def test_segments_of_one_source_have_one_head_with_its_sound(
    tmp_path: Path, kind: str
) -> None:
    coded = (*X264, "-g", "10", *AAC, "-f", kind)
    _, taken = recorded(tmp_path, encoded(*pictures(2, live=False), *tone(2), *coded))

    heads = {one[1].read_bytes()[: head_bytes(one[1])] for one in taken.taken}
    assert len(taken.taken) >= 3
    assert len(heads) == 1
    for _, file, *_ in taken.taken:
        played = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(file), "-f", "null", "-"],
            capture_output=True,
            text=True,
        )
        assert played.stderr == ""
    whole = tmp_path / "whole.mp4"  # One head, and all fragments behind it.
    whole.write_bytes(
        heads.pop()
        + b"".join(one[1].read_bytes()[head_bytes(one[1]) :] for one in taken.taken)
    )
    assert len(probed(whole, "packet=pts_time,codec_type")) >= 50 + 80
    assert [time_s for time_s, _ in frames_of(whole)] == pytest.approx(
        [k / 25 for k in range(50)], abs=0.002
    )


def test_pictures_that_are_two_seconds_apart_are_all_recorded(tmp_path: Path) -> None:
    path = tmp_path / "sent.ts"
    truth = draw_video(path, frames=4, fps=Fraction(1, 2), key_every=1)

    _, taken = recorded(tmp_path, path.read_bytes())

    frames = [one for _, file, *_ in taken.taken for one in frames_of(file)]
    assert [number for _, number in frames] == list(range(4))
    assert [time_s for time_s, _ in frames] == pytest.approx(truth, abs=0.01)


def test_after_a_jump_of_the_clock_everything_from_a_key_picture_on_is_recorded(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first.ts", tmp_path / "second.ts"
    draw_video(first, frames=25, fps=25, key_every=5, start_ms=900_000)
    draw_video(second, frames=25, fps=25, key_every=5)

    seen, taken = recorded(tmp_path, first.read_bytes(), second.read_bytes())

    assert "clock jumped" in seen.reasons
    numbers = [number for _, file, *_ in taken.taken for _, number in frames_of(file)]
    assert numbers[:24] == list(range(24))
    assert numbers[-25:] == list(range(25))
    starts = [one[2] for one in taken.taken]
    assert starts == sorted(starts)
    assert [one[4] for one in taken.taken].count(True) == 1


@pytest.mark.parametrize("sound", [(), tone(3)], ids=["silent", "with sound"])
def test_an_encoder_that_puts_pictures_in_order_and_begins_anew_is_recorded_on(
    tmp_path: Path, sound: Sequence[str]
) -> None:
    def sent(begin_s: int) -> bytes:
        shown = (*pictures(3, live=False), *sound, *(AAC if sound else ()))
        coded = ("-c:v", "libx264", "-bf", "3", "-g", "25", "-pix_fmt", "yuv420p")
        begun = ("-output_ts_offset", str(begin_s), "-f", "mpegts")
        return encoded(*shown, *coded, *begun)

    seen, taken = recorded(tmp_path, sent(500), sent(0))

    assert "clock jumped" in seen.reasons
    starts = [one[2] for one in taken.taken]
    assert starts == pytest.approx([0, 1, 2, *(starts[3] + k for k in range(3))])
    assert starts[3] == pytest.approx(3, abs=1)
    assert [one[3] for one in taken.taken] == pytest.approx([1.0] * 6)
    for _, path, start_s, *_ in taken.taken:
        with av.open(str(path)) as container:
            packets = [
                (one.stream.type, float(one.pts * one.time_base))
                for one in container.demux()
                if one.pts is not None
            ]
        assert all(start_s - 2 < at < start_s + 3 for _, at in packets)
        assert [kind for kind, _ in packets].count("video") == 25
