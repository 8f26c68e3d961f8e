"""Stills of a video: small ones evenly spaced, and one larger for its poster.

Picked in the decoding process, from key frames alone; pixels come back in shared
memory, and the files are encoded from them here, in the parent.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.errors import DecoderCrashed
from model.video.extent import measure_extent
from model.video.frame_spec import FrameSpec
from model.video.input_file import InputFile
from model.video.key_frames import KeyFrame, KeyFrames
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.picture import FrameConverter, Image, orientation_of
from model.video.process import ChildProcess
from model.video.ring import Ring
from model.video.shared_memory import create_memory
from model.video.source import Tally, VideoSource, open_video

TILE = FrameSpec(160, 90)
POSTER = FrameSpec(640, 360)
MAX_TILES = 100
MIN_INTERVAL_S = 1.0

_POSTER_AT = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7)
"""Where a poster is looked for, in parts of the video; the first good one is taken."""

_SHOWS_SOMETHING = 10.0
"""Standard deviation of the levels; less is a black, white or other plain picture."""

_MAX_ASPECT = 8


@dataclass(frozen=True, slots=True)
class Stills:
    """What was picked of one video, upright and in RGB.

    Attributes:
        duration_s: of the video.
        times_s: of the tiles, each later than the one before.
        tiles: (H, W, 3) uint8 each, all of one size, within 160x90.
        poster: (H, W, 3) uint8, within 640x360.
    """

    duration_s: float
    times_s: tuple[float, ...]
    tiles: tuple[Image, ...]
    poster: Image


def stills_in_child(
    path: Path,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    max_tiles: int = MAX_TILES,
    time_limit_s: float = 120.0,
    stall_timeout_s: float = 30.0,
    on_wait: Callable[[], None] | None = None,
) -> Stills:
    """Pick stills in a process of its own: for files of other people.

    Args:
        path: of the file.
        limits: what is allowed.
        max_tiles: at most so many, at least a second apart.
        time_limit_s: how long to look for more; then those found are taken.
        stall_timeout_s: how long the process may show no progress.
        on_wait: called a few times a second while waiting; may raise to stop.

    Raises:
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    request = {
        "verb": "stills",
        "path": str(path.absolute()),
        "limits": asdict(limits),
        "max_tiles": max_tiles,
        "time_limit_s": time_limit_s,
    }
    with ExitStack() as cleanup:
        tiles, tiles_at = _shared(TILE, max_tiles, cleanup)
        poster, poster_at = _shared(POSTER, 1, cleanup)
        child = ChildProcess(
            {**request, "tiles": tiles_at, "poster": poster_at},
            limits=limits,
            stall_timeout_s=stall_timeout_s,
            share=(tiles_at, poster_at),
            on_wait=on_wait,
        )
        cleanup.callback(child.close)
        return read_stills(child.receive(), tiles, poster)


def pick_stills(
    file: InputFile, request: Mapping[str, Any], *, limits: MediaLimits, tally: Tally
) -> dict[str, Any]:
    """Pick stills in this process, into the request's memory; returns the message."""
    max_tiles = int(request["max_tiles"])
    tiles = Ring(request["tiles"], TILE, slots=max_tiles)
    poster = Ring(request["poster"], POSTER, slots=1)
    deadline = time.monotonic() + float(request["time_limit_s"])
    with open_video(file, limits=limits, tally=tally) as source:
        duration_s = measure_extent(source, size_bytes=file.size_bytes).duration_s
        limits.check_duration(duration_s)
        found = _Found(source, tiles, poster)
        key_frames = KeyFrames(source)
        for frame in _candidates(key_frames, duration_s, deadline):
            found.offer_poster(frame.picture)
            if found.has_good_poster:
                break
        for frame in _evenly(key_frames, duration_s, max_tiles, deadline):
            found.add_tile(frame)
    if not found.times_s:
        _take_first_frame(file, found, limits=limits, tally=tally)
    return found.message(duration_s)


class _Found:
    """Pictures on their way into shared memory."""

    def __init__(self, source: VideoSource, tiles: Ring, poster: Ring) -> None:
        self.times_s: list[float] = []
        # Read now: a stream must not be asked once its file is closed.
        self._pixel_aspect = pixel_aspect(source.stream)
        self._tiles, self._poster = tiles, poster
        self._tile_converter: FrameConverter | None = None
        self._poster_size = (0, 0)
        self._best = -1.0

    @property
    def has_good_poster(self) -> bool:
        return self._best >= _SHOWS_SOMETHING

    def add_tile(self, frame: KeyFrame) -> None:
        """Keep a tile that is later than the last one."""
        if self.times_s and frame.time_s <= self.times_s[-1]:
            return
        if self._tile_converter is None:
            self._tile_converter = self._converter(frame.picture, TILE)
        spec = self._tile_converter.spec
        slot = self._tiles.slot(len(self.times_s))
        self._tile_converter.convert(
            frame.picture, out=slot[: spec.height, : spec.width]
        )
        self.times_s.append(frame.time_s)

    def offer_poster(self, picture: VideoFrame) -> None:
        """Keep a picture as the poster if it shows more than the one before."""
        converter = self._converter(picture, POSTER)
        image = converter.convert(picture)
        shows = float(image.std())
        if shows > self._best:
            self._best = shows
            self._poster_size = converter.spec.width, converter.spec.height
            self._poster.slot(0)[: converter.spec.height, : converter.spec.width] = (
                image
            )

    def message(self, duration_s: float) -> dict[str, Any]:
        spec = self._tile_converter.spec if self._tile_converter else TILE
        return {
            "duration_s": duration_s,
            "times_s": self.times_s,
            "tile": (spec.width, spec.height),
            "poster": self._poster_size,
        }

    def _converter(self, picture: VideoFrame, box: FrameSpec) -> FrameConverter:
        return fitting(picture, self._pixel_aspect, box)


def fitting(
    picture: VideoFrame, pixel_aspect: Fraction, box: FrameSpec
) -> FrameConverter:
    """Make what turns pictures of a stream upright, with square pixels, within a box.

    Args:
        picture: one of them; others of its size are converted alike.
        pixel_aspect: width of a pixel by its height.
    """
    width, height = pixel_aspect * picture.width, Fraction(picture.height)
    if orientation_of(picture)[0] % 2:
        width, height = height, width
    scale = min(Fraction(1), box.width / width, box.height / height)
    return FrameConverter(FrameSpec(_even(width * scale), _even(height * scale)))


def pixel_aspect(stream: VideoStream) -> Fraction:
    """Tell the width of a pixel by its height; 1 where the file makes no sense."""
    aspect = stream.sample_aspect_ratio
    if not aspect or not 1 <= aspect * _MAX_ASPECT <= _MAX_ASPECT**2:
        return Fraction(1)
    return Fraction(aspect)


def _candidates(
    key_frames: KeyFrames, duration_s: float, deadline: float
) -> Iterator[KeyFrame]:
    return _frames_at(key_frames, [part * duration_s for part in _POSTER_AT], deadline)


def _evenly(
    key_frames: KeyFrames, duration_s: float, max_tiles: int, deadline: float
) -> Iterator[KeyFrame]:
    interval_s = max(MIN_INTERVAL_S, duration_s / max_tiles)
    count = min(max_tiles, max(1, int(duration_s / interval_s)))
    times_s = [number * interval_s for number in range(count)]
    return _frames_at(key_frames, times_s, deadline)


def _frames_at(
    key_frames: KeyFrames, times_s: list[float], deadline: float
) -> Iterator[KeyFrame]:
    for time_s in times_s:
        if time.monotonic() > deadline:
            return
        frame = key_frames.near(time_s)
        if frame is not None:
            yield frame


def _take_first_frame(
    file: InputFile, found: _Found, *, limits: MediaLimits, tally: Tally
) -> None:
    """For videos without a key frame, such as those with gradual refresh."""
    with open_video(file, limits=limits, tally=tally) as source:
        first = next(source.frames())
        found.offer_poster(first.picture)
        found.add_tile(KeyFrame(float(first.time_s), first.picture))


def _even(side: float | Fraction) -> int:
    return max(2, 2 * round(side / 2))


def _shared(spec: FrameSpec, slots: int, cleanup: ExitStack) -> tuple[Ring, int]:
    descriptor = create_memory(slots * spec.step_bytes)
    cleanup.callback(os.close, descriptor)
    ring = Ring(descriptor, spec, slots=slots)
    cleanup.callback(ring.close)
    return ring, descriptor


def read_stills(message: Mapping[str, Any], tiles: Ring, poster: Ring) -> Stills:
    """Validate a decoding process's message, and copy the pictures.

    Raises:
        DecoderCrashed: it is invalid.
    """
    try:
        return _read(message, tiles, poster)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc


def _read(message: Mapping[str, Any], tiles: Ring, poster: Ring) -> Stills:
    times_s = tuple(float(time_s) for time_s in message["times_s"])
    pairs = pairwise(times_s)
    if not 1 <= len(times_s) <= tiles.slots or any(not a < b for a, b in pairs):
        raise ValueError("no times of tiles")
    duration_s = float(message["duration_s"])
    if not 0 <= times_s[0] <= times_s[-1] < float("inf") or not 0 <= duration_s < 1e9:
        raise ValueError("times out of range")
    width, height = _size(message["tile"], TILE)
    poster_width, poster_height = _size(message["poster"], POSTER)
    return Stills(
        duration_s=duration_s,
        times_s=times_s,
        tiles=tuple(
            tiles.read(number)[:height, :width] for number in range(len(times_s))
        ),
        poster=poster.read(0)[:poster_height, :poster_width],
    )


def _size(value: Any, box: FrameSpec) -> tuple[int, int]:
    width, height = (int(side) for side in value)
    if not (1 <= width <= box.width and 1 <= height <= box.height):
        raise ValueError(f"a picture of {width}x{height}")
    return width, height
