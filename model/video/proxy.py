"""A copy of a video that every browser plays, with the very same times of frames.

H.264 in 8 bits and AAC, at most 1280 pixels wide or high. Made in the decoding
process, which writes into a file that is open already.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from model.errors import DecoderCrashed
from model.video.frame_times import FrameTimes
from model.video.input_file import InputFile
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.opening import open_container
from model.video.process import ChildProcess
from model.video.proxy_picture import ProxyPicture
from model.video.proxy_sound import Offsets, ProxySound, find_sound
from model.video.proxy_writer import ProxyWriter, choose_time_scale, open_proxy
from model.video.source import SourceFrame, Tally, open_video
from model.video.time_messages import KIND, TimeReceiver

MAX_BYTES_A_SECOND = 1_500_000
"""More than the encoder's limits on pictures and sound come to."""

_HEAD_BYTES = 64 << 20
_SOUND_AHEAD_S = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Proxy:
    """What was made.

    Attributes:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        has_sound: whether it has sound.
        frame_times: when each frame is shown, in the video and in the proxy.
        tally: what was in the video.
    """

    width: int
    height: int
    has_sound: bool
    frame_times: FrameTimes
    tally: Tally


def make_proxy_in_child(
    path: Path,
    target: int,
    *,
    duration_s: float,
    fps: float,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_time: Callable[[float], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Proxy:
    """Write a proxy of a video, in a process of its own.

    Args:
        path: of the video.
        target: a descriptor that is open for writing, of an empty file.
        duration_s: of the video; bounds what may be written.
        fps: of the video, as a hint to the encoder.
        limits: what is allowed.
        stall_timeout_s: how long the process may show no progress.
        on_time: called now and then with the time of the last frame so far, in
            seconds; may raise to stop.
        on_wait: called a few times a second while waiting; may raise to stop.

    Raises:
        NoRoom: the file cannot grow.
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    longest_s = min(duration_s * 2 + 60, limits.max_duration_s)
    request = {
        "verb": "proxy",
        "path": str(path.absolute()),
        "limits": asdict(limits),
        "target": target,
        "fps": fps,
        "file_bytes": _HEAD_BYTES + int(longest_s * MAX_BYTES_A_SECOND),
    }
    child = ChildProcess(
        request,
        limits=limits,
        stall_timeout_s=stall_timeout_s,
        share=(target,),
        on_wait=on_wait,
    )
    times = TimeReceiver()
    try:
        while (message := child.receive())["kind"] == KIND:
            times.take(message)
            if on_time is not None:
                on_time(times.last_s)
        return _read(message, times)
    except (KeyError, TypeError, ValueError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()


def _read(message: Mapping[str, Any], times: TimeReceiver) -> Proxy:
    tally = Tally(**message["tally"])
    width, height = int(message["width"]), int(message["height"])
    if len(times) != int(message["frames"]) or not (width > 0 and height > 0):
        raise ValueError("not all frames were written")
    return Proxy(
        width=width,
        height=height,
        has_sound=bool(message["has_sound"]),
        frame_times=times.finish(until_s=tally.until_s),
        tally=tally,
    )


def write_proxy(
    file: InputFile,
    again: InputFile,
    target: IO[bytes],
    *,
    fps: float,
    limits: MediaLimits,
    tally: Tally,
    note: Callable[[Iterator[SourceFrame]], Iterator[SourceFrame]] = iter,
) -> dict[str, Any]:
    """Write a proxy in this process; returns the message.

    Args:
        file: the video.
        again: the same, opened once more: pictures and sound are read side by side.
        target: is written.
        fps: of the video, as a hint to the encoder.
        limits: what is allowed.
        tally: is kept up to date.
        note: all frames pass through it.
    """
    with ExitStack() as cleanup:
        source = cleanup.enter_context(open_video(file, limits=limits, tally=tally))
        container = cleanup.enter_context(open_container(again))
        offsets = Offsets(source.start_s)
        stream = find_sound(container)
        sound = None if stream is None else ProxySound(container, stream, offsets)
        scale = choose_time_scale(source.time_base, source.start_s)
        writer = cleanup.enter_context(
            open_proxy(target, time_scale=scale, has_sound=sound is not None)
        )
        picture: ProxyPicture | None = None
        for frame, end_s in _with_ends(note(source.frames()), tally):
            if picture is None:
                picture = ProxyPicture(frame.picture, source.stream)
                writer.begin(picture.convert(frame.picture), fps=fps)
            offsets.note(frame.pts * source.time_base, frame.time_s)
            writer.write(
                picture.convert(frame.picture), time_s=frame.time_s, end_s=end_s
            )
            _write_sound(sound, writer, until_s=frame.time_s + _SOUND_AHEAD_S)
        _write_sound(sound, writer, until_s=Fraction(tally.until_s))
    if picture is None:
        raise ValueError("a video has a frame, or an error was raised")
    return {
        "width": picture.width,
        "height": picture.height,
        "frames": writer.frames,
        "has_sound": sound is not None,
    }


def _with_ends(
    frames: Iterator[SourceFrame], tally: Tally
) -> Iterator[tuple[SourceFrame, Fraction]]:
    """Add to each frame when the next one takes its place; hold back one frame."""
    held: SourceFrame | None = None
    for frame in frames:
        if held is not None:
            yield held, frame.time_s
        held = frame
    if held is not None:
        yield held, Fraction(tally.until_s)


def _write_sound(
    sound: ProxySound | None, writer: ProxyWriter, *, until_s: Fraction
) -> None:
    if sound is not None:
        for block in sound.until(until_s):
            writer.write_sound(block)


def open_target(descriptor: int) -> IO[bytes]:
    """Open an inherited descriptor for writing; closing it leaves the other open."""
    return os.fdopen(os.dup(descriptor), "wb", buffering=1 << 20)
