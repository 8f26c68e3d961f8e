"""The very frames that are asked for, small, as pictures.

Picked in the decoding process by `model.video.cut_reader`, which checks each against
the time that decoding the whole video had found for it: the frame given is the frame
meant.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from model.errors import DecoderCrashed
from model.video.cut_reader import (
    CutReader,
    OrderedReader,
    SeekingReader,
    TimesNotKept,
)
from model.video.cuts import Cut
from model.video.frame_spec import FrameSpec
from model.video.frame_times import FrameTimes
from model.video.input_file import InputFile
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.picture import FrameConverter, Image
from model.video.process import ChildProcess
from model.video.ring import Ring
from model.video.shared_memory import create_memory
from model.video.source import Tally, open_video
from model.video.stills import fitting, pixel_aspect

BOX = FrameSpec(480, 270)
MAX_FRAMES = 100
PICKED = "picked"


def frames_in_child(
    path: Path,
    frames: Sequence[int],
    *,
    times: FrameTimes,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_frame: Callable[[int], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> dict[int, Image]:
    """Pick frames of a video, in a process of its own.

    Args:
        path: of the video.
        frames: their indexes in the source, at most `MAX_FRAMES`; those that the video
            does not have are left out.
        times: of all frames of the video.
        limits: what is allowed.
        stall_timeout_s: how long the process may show no progress.
        on_frame: called now and then with how many frames were picked; may raise.
        on_wait: called a few times a second while waiting; may raise to stop.

    Returns:
        (H, W, 3) uint8 each, upright and in RGB, within 480x270.

    Raises:
        ValueError: there are too many.
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    wanted = sorted({one for one in frames if 0 <= one < len(times)})
    if len(wanted) > MAX_FRAMES:
        raise ValueError(f"{len(wanted)} frames are more than {MAX_FRAMES}")
    if not wanted:
        return {}
    with ExitStack() as cleanup:
        memory = create_memory(len(wanted) * BOX.step_bytes)
        cleanup.callback(os.close, memory)
        ring = Ring(memory, BOX, slots=len(wanted))
        cleanup.callback(ring.close)
        known = times.times_s.tobytes()
        times_at = create_memory(len(known))
        cleanup.callback(os.close, times_at)
        os.pwrite(times_at, known, 0)
        child = ChildProcess(
            {
                "verb": "frames",
                "path": str(path.absolute()),
                "limits": asdict(limits),
                "frames": wanted,
                "pictures": memory,
                "times": times_at,
                "until_s": times.until_s,
            },
            limits=limits,
            stall_timeout_s=stall_timeout_s,
            share=(memory, times_at),
            on_wait=on_wait,
        )
        cleanup.callback(child.close)
        try:
            while (message := child.receive())["kind"] == PICKED:
                if on_frame is not None:
                    on_frame(int(message["frames"]))
            return _read(message, wanted, ring)
        except (KeyError, TypeError, ValueError, OverflowError) as exc:
            raise DecoderCrashed(
                "The decoding process sent an invalid message."
            ) from exc


def pick_frames(
    file: InputFile,
    request: Mapping[str, Any],
    *,
    limits: MediaLimits,
    tally: Tally,
    tell: Callable[[int], None],
) -> dict[str, Any]:
    """Pick frames in this process, into the request's memory; returns the message."""
    frames = [int(one) for one in request["frames"]]
    memory = int(request["times"])
    known = os.pread(memory, os.fstat(memory).st_size, 0)
    times = FrameTimes(np.frombuffer(known, np.float64), float(request["until_s"]))
    ring = Ring(request["pictures"], BOX, slots=len(frames))
    with ExitStack() as cleanup:
        try:
            source = cleanup.enter_context(open_video(file, limits=limits, tally=tally))
            size = _pick(SeekingReader(source, times), frames, ring, tell)
        except TimesNotKept:
            cleanup.close()
            reader = OrderedReader(file, limits=limits, tally=tally, cleanup=cleanup)
            size = _pick(reader, frames, ring, tell)
    return {"sizes": size}


def _pick(
    reader: CutReader, frames: Sequence[int], ring: Ring, tell: Callable[[int], None]
) -> list[tuple[int, int]]:
    """Write each frame into its slot; returns their sizes."""
    converter: FrameConverter | None = None
    made_for = None
    sizes: list[tuple[int, int]] = []
    for slot, picture in enumerate(_pictures(reader, frames)):
        shape = picture.width, picture.height, picture.rotation
        if converter is None or made_for != shape:
            converter = fitting(picture, pixel_aspect(reader.stream), BOX)
            made_for = shape
        width, height = converter.spec.width, converter.spec.height
        converter.convert(picture, out=ring.slot(slot)[:height, :width])
        sizes.append((width, height))
        tell(len(sizes))
    return sizes


def _pictures(reader: CutReader, frames: Sequence[int]) -> Iterator[VideoFrame]:
    for frame in frames:
        for _, picture in reader.frames(Cut(frame, frame + 1)):
            yield picture


def _read(
    message: Mapping[str, Any], frames: Sequence[int], ring: Ring
) -> dict[int, Image]:
    sizes = [(int(width), int(height)) for width, height in message["sizes"]]
    found: dict[int, Image] = {}
    for slot, (frame, (width, height)) in enumerate(zip(frames, sizes, strict=True)):
        if not (1 <= width <= BOX.width and 1 <= height <= BOX.height):
            raise ValueError(f"a picture of {width}x{height}")
        found[frame] = ring.read(slot)[:height, :width]
    return found
