"""Files that are damaged, or are not what they say: each has a clear answer."""

import contextlib
import os
import random
from pathlib import Path

import pytest

from model.errors import (
    ModelError,
    NoVideoStream,
    UnreadableVideo,
    UnsupportedMedia,
    VideoLimitExceeded,
)
from model.video.decode import iter_steps
from model.video.frame_spec import FrameSpec
from model.video.limits import MediaLimits
from model.video.probe import probe
from tests.videos import (
    cut_off,
    draw_sound,
    draw_sound_with_cover,
    draw_video,
    join_bytes,
    read_number,
)

SPEC = FrameSpec(80, 48, fps=30.0)


def both_refuse(path: Path, error: type[ModelError], words: str) -> None:
    """Probe and decoder refuse the file alike."""
    with pytest.raises(error, match=words):
        probe(path)
    with pytest.raises(error, match=words):
        list(iter_steps(path, SPEC))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    both_refuse(tmp_path / "none.mp4", UnreadableVideo, "No such file")


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    both_refuse(tmp_path, UnreadableVideo, "cannot be opened")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "match.mp4")

    both_refuse(tmp_path / "match.mp4", UnreadableVideo, "not a regular one")


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "plain.ts", "plain.avi"])
def test_the_name_of_a_file_plays_no_part(tmp_path: Path, name: str) -> None:
    draw_video(tmp_path / name, frames=30, b_frames=2)
    (tmp_path / name).rename(tmp_path / "match.txt")

    steps = list(iter_steps(tmp_path / "match.txt", SPEC))

    assert [read_number(step.image) for step in steps] == list(range(30))


def test_a_box_that_claims_to_be_endless_is_no_index(tmp_path: Path) -> None:
    endless = b"\0\0\0\1mdat" + b"\xff" * 8
    (tmp_path / "match.mp4").write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0" + endless)

    both_refuse(tmp_path / "match.mp4", UnreadableVideo, "no index")


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()

    both_refuse(tmp_path / "empty.mp4", UnreadableVideo, "empty")


@pytest.mark.parametrize(
    "content",
    [
        b"Dear referee, please find attached...",
        random.Random(1).randbytes(50_000),
        bytes(50_000),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"GIF89a" + bytes(100),
        b"<!-- --><MPD><BaseURL>neighbour.mp4</BaseURL></MPD>",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5000 RTP/AVP 96\r\n",
    ],
    ids=["text", "noise", "zeros", "png", "gif", "hidden-mpd", "sdp"],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "match.mp4").write_bytes(content)

    both_refuse(tmp_path / "match.mp4", UnreadableVideo, "not a video")


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile {name}\n",
        "\ufeffffconcat version 1.0\nfile {name}\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n",
        "\n#EXTM3U\n{name}\n",
        "<?xml version='1.0'?><MPD><BaseURL>{name}</BaseURL></MPD>",
        "file '{name}'\n",
    ],
    ids=["concat", "concat-with-bom", "m3u8", "m3u8-after-line", "mpd", "list"],
)
def test_a_script_never_reaches_its_neighbour(tmp_path: Path, script: str) -> None:
    draw_video(tmp_path / "neighbour.mp4", frames=3)
    (tmp_path / "match.mp4").write_text(script.format(name="neighbour.mp4"))

    both_refuse(tmp_path / "match.mp4", UnsupportedMedia, "playlist or script")


def test_a_name_that_is_a_protocol_is_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "concat:a.mp4|b.mp4"
    draw_video(tmp_path / "a.mp4", frames=5)
    (tmp_path / "a.mp4").rename(path)

    assert len(list(iter_steps(path, SPEC))) == 5


def test_an_mp4_without_its_index_was_cut_off(tmp_path: Path) -> None:
    draw_video(tmp_path / "whole.mp4", frames=60)
    cut_off(tmp_path / "whole.mp4", tmp_path / "cut.mp4", keep=0.6)

    both_refuse(tmp_path / "cut.mp4", UnreadableVideo, "no index.*complete file")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fast.mp4", {"movflags": "faststart"}),
        ("plain.mkv", {}),
        ("plain.avi", {}),
    ],
)
def test_a_file_that_ends_early_gives_what_it_has(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    draw_video(tmp_path / name, frames=60, options=options)
    cut = tmp_path / f"cut-{name}"
    cut_off(tmp_path / name, cut, keep=0.6)

    steps = list(iter_steps(cut, SPEC))

    assert probe(cut).is_truncated
    assert not probe(tmp_path / name).is_truncated
    assert 3 < len(steps) < 57
    assert [read_number(step.image) for step in steps] == list(range(len(steps)))


def test_a_header_and_nothing_else_cannot_be_decoded(tmp_path: Path) -> None:
    path = tmp_path / "fast.mp4"
    draw_video(path, frames=60, options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])

    both_refuse(path, UnreadableVideo, "could be decoded")


@pytest.mark.parametrize("scheme", ["cenc-aes-ctr"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_an_encrypted_video_is_refused_as_such(
    tmp_path: Path, scheme: str, codec: str
) -> None:
    path = tmp_path / "drm.mp4"
    options = {
        "encryption_scheme": scheme,
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "ffeeddccbbaa99887766554433221100",
    }
    draw_video(path, frames=12, codec=codec, options=options)

    both_refuse(path, UnsupportedMedia, "is encrypted")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    draw_sound(tmp_path / "radio.mp4")

    both_refuse(tmp_path / "radio.mp4", NoVideoStream, "audio")


def test_cover_art_is_no_moving_picture(tmp_path: Path) -> None:
    draw_sound_with_cover(tmp_path / "album.mp4")

    both_refuse(tmp_path / "album.mp4", NoVideoStream, "no moving picture")


@pytest.mark.parametrize("codec", ["ffv1", "snow"])
def test_a_codec_that_is_not_supported_is_named(tmp_path: Path, codec: str) -> None:
    draw_video(tmp_path / "rare.mkv", frames=3, codec=codec)

    both_refuse(tmp_path / "rare.mkv", UnsupportedMedia, codec)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (MediaLimits(max_duration_s=1.5), "lasts 2 s"),
        (MediaLimits(max_pixels=160 * 96 - 1), "160x96"),
        (MediaLimits(max_fps=29.0), "30 frames/s"),
        (MediaLimits(max_streams=1), "2 streams"),
    ],
)
def test_the_probe_refuses_what_is_too_much(
    tmp_path: Path, limits: MediaLimits, words: str
) -> None:
    path = tmp_path / "long.mp4"
    draw_video(path, frames=60, sound=True)

    with pytest.raises(VideoLimitExceeded, match=words):
        probe(path, limits=limits)


def test_a_header_that_lies_of_the_duration_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "liar.mkv"
    draw_video(path, frames=60)
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # Duration, eight bytes of float.
    data[at : at + 8] = b"\x40\x59" + bytes(6)  # 100 ms
    path.write_bytes(bytes(data))
    limits = MediaLimits(max_duration_s=1.0)

    assert probe(path).duration_s == pytest.approx(2.0, abs=0.05)
    with pytest.raises(VideoLimitExceeded, match="at most 1 s"):
        probe(path, limits=limits)
    with pytest.raises(VideoLimitExceeded, match="at most 1 s"):
        list(iter_steps(path, SPEC, limits=limits))


def test_more_frames_than_the_limits_allow_are_never_decoded(tmp_path: Path) -> None:
    path = tmp_path / "dense.mkv"
    draw_video(path, times_ms=list(range(60)))

    with pytest.raises(VideoLimitExceeded, match="frames in its first"):
        list(
            iter_steps(path, SPEC, limits=MediaLimits(max_duration_s=1.0, max_fps=40.0))
        )


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("size", [(176, 112), (640, 480)])
def test_a_picture_that_grows_half_way_is_measured_again(
    tmp_path: Path, codec: str, size: tuple[int, int]
) -> None:
    small, large = tmp_path / "small.ts", tmp_path / "large.ts"
    draw_video(small, codec=codec, size=(160, 96), start_ms=1000)
    draw_video(large, codec=codec, size=size, start_ms=2000)
    join_bytes([small, large], tmp_path / "both.ts")
    limits = MediaLimits(max_pixels=160 * 96)

    with pytest.raises(VideoLimitExceeded, match=f"{size[0]}x{size[1]}"):
        list(iter_steps(tmp_path / "both.ts", SPEC, limits=limits))


@pytest.mark.parametrize("name", ["b.mp4", "b.mkv", "b.ts", "b.avi"])
def test_damage_of_any_kind_ends_in_steps_or_a_clear_answer(
    tmp_path: Path, name: str
) -> None:
    dice = random.Random(name)
    whole, damaged = tmp_path / name, tmp_path / f"damaged-{name}"
    draw_video(whole, frames=24, b_frames=2, size=(96, 64))
    data = whole.read_bytes()

    for _ in range(15):
        broken = bytearray(data)
        for _ in range(dice.choice((1, 5, 50))):
            at = dice.randrange(dice.choice((600, len(broken))))
            broken[at] = dice.choice((0, 255, dice.randrange(256)))
        damaged.write_bytes(bytes(broken))
        times: list[float] = []
        with contextlib.suppress(ModelError):  # Anything else fails the test.
            times.extend(step.time_s for step in iter_steps(damaged, SPEC))

        assert times == sorted(times)
