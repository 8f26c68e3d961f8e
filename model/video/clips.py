"""Clips of videos, cut to the frame or copied, by a process of its own.

What is encoded is H.264 in 8 bits and AAC, at most 1920 pixels wide or high. The
decoding process writes into a file that is open already; all clips stand in it, one
behind the other.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from model.errors import DecoderCrashed
from model.video.cuts import Cut, CutMode
from model.video.faststart import with_index_first
from model.video.frame_times import FrameTimes
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.process import ChildProcess
from model.video.shared_memory import create_memory

MAX_BYTES_A_SECOND = 2_000_000
"""More than the encoder's limits on pictures and sound come to."""

_HEAD_BYTES = 64 << 20
_HEAD_BYTES_A_CUT = 1 << 20
WRITTEN = "written"
_WAYS = 3
_MODES: Mapping[str, CutMode] = {"exact": "exact", "smart": "smart", "copy": "copy"}


@dataclass(frozen=True, slots=True)
class Clips:
    """What was made.

    Attributes:
        places: where each file begins in the target, and where it ends.
        frames: in all of them.
        width: of the pictures, in pixels.
        height: of the pictures, in pixels.
        has_sound: whether they have sound.
        mode: how they were made, which may be another than was asked for.
        copied_frames: how many were not encoded anew, of those cut smartly.
        copied: what is in each file where nothing was encoded; None: what was asked.
    """

    places: tuple[tuple[int, int], ...]
    frames: int
    width: int
    height: int
    has_sound: bool
    mode: CutMode
    copied_frames: int = 0
    copied: tuple[tuple[Cut, ...], ...] | None = None

    def written(self, cuts: Sequence[Cut]) -> list[Cut]:
        """Tell what was written for the cuts that were asked for, in their order."""
        if self.copied is None:
            return list(cuts)
        return [cut for file in self.copied for cut in file]

    def pieces(self, target: int, number: int) -> Iterator[bytes]:
        """Give the bytes of a file, its index first.

        Args:
            target: that the files were written to.
            number: of the file, from 0.

        Raises:
            DecoderCrashed: it is no MP4.
        """
        start, end = self.places[number]
        try:
            yield from with_index_first(target, start=start, end=end)
        except ValueError as exc:
            raise DecoderCrashed("The decoding process wrote no valid MP4.") from exc


class Source(NamedTuple):
    """A video that cuts are of, and when each of its frames is shown."""

    path: Path
    times: FrameTimes


def cut_in_child(
    path: Path,
    target: int,
    files: Sequence[Sequence[Cut]],
    *,
    times: FrameTimes,
    mode: CutMode = "exact",
    limits: MediaLimits = DEFAULT_LIMITS,
    on_frames: Callable[[int], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Clips:
    """Write clips of one video; see `cut_together_in_child`."""
    return cut_together_in_child(
        [Source(path, times)],
        *(target, files),
        mode=mode,
        limits=limits,
        on_frames=on_frames,
        on_wait=on_wait,
    )


def cut_together_in_child(
    sources: Sequence[Source],
    target: int,
    files: Sequence[Sequence[Cut]],
    *,
    mode: CutMode = "exact",
    size: tuple[int, int] | None = None,
    comment: str = "",
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 60.0,
    on_frames: Callable[[int], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Clips:
    """Write clips of videos, in a process of its own.

    Args:
        sources: the videos, as cuts count them.
        target: a descriptor that is open for writing, of an empty file.
        files: the cuts of each file, in the order in which they are shown.
        mode: smart: only the borders of each cut are encoded anew. copy: nothing is,
            where MP4 takes what the file holds; each cut then begins at the key frame
            before, see `Clips.copied`. What does not go, or has captions, or is of
            several videos, is encoded anew: see `Clips.mode`.
        size: width and height of the pictures, even, with black bars where a video has
            another shape; needed for several videos.
        comment: of each file, in its metadata.
        limits: what is allowed.
        stall_timeout_s: how long the process may show no progress.
        on_frames: called now and then with how many frames were written, which is less
            than before where the file must be decoded in order; may raise to stop.
        on_wait: called a few times a second while waiting; may raise to stop.

    Raises:
        NoRoom: the file cannot grow.
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    if len(sources) > 1 and size is None:
        raise ValueError("several videos need a size")
    with ExitStack() as cleanup:
        memories = [_shared(one.times, cleanup) for one in sources]
        request = {
            "verb": "clips",
            "limits": asdict(limits),
            "target": target,
            "mode": mode,
            "size": size,
            "comment": comment,
            "sources": [
                {
                    "path": str(one.path.absolute()),
                    "times": memory,
                    "until_s": one.times.until_s,
                }
                for one, memory in zip(sources, memories, strict=True)
            ],
            "files": [
                [(cut.first, cut.until, cut.source, cut.captions) for cut in file]
                for file in files
            ],
            "file_bytes": _most_bytes(sources, files, mode),
        }
        child = ChildProcess(
            request,
            limits=limits,
            stall_timeout_s=stall_timeout_s,
            share=(target, *memories),
            on_wait=on_wait,
        )
    try:
        while (message := child.receive())["kind"] == WRITTEN:
            if on_frames is not None:
                on_frames(int(message["frames"]))
        return _read(message, files, sources)
    except (KeyError, TypeError, ValueError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()


def _shared(times: FrameTimes, cleanup: ExitStack) -> int:
    """Put the times of frames where the process can read them."""
    known = times.times_s.tobytes()
    memory = create_memory(len(known))
    cleanup.callback(os.close, memory)
    os.pwrite(memory, known, 0)
    return memory


def _most_bytes(
    sources: Sequence[Source], files: Sequence[Sequence[Cut]], mode: CutMode
) -> int:
    """Say how large the target may get: a fault of the process must not fill disks."""
    cuts = [cut for file in files for cut in file]
    length_s = sum(
        cut.end_s(sources[cut.source].times) - cut.start_s(sources[cut.source].times)
        for cut in cuts
    )
    encoded = int(length_s * MAX_BYTES_A_SECOND) + len(cuts) * _HEAD_BYTES_A_CUT
    # What one way of reading began, another writes once more.
    most = _WAYS * encoded + _HEAD_BYTES
    if mode != "exact":
        with suppress(OSError):  # The process says that the file is gone.
            most += len(cuts) * sources[0].path.stat().st_size
    return most


def _read(
    message: Mapping[str, Any],
    files: Sequence[Sequence[Cut]],
    sources: Sequence[Source],
) -> Clips:
    places = tuple((int(start), int(end)) for start, end in message["files"])
    copied = None
    if "cuts" in message:
        copied = _copied(message["cuts"], files, sources[0].times)
    written = copied or files
    frames = sum(cut.frames for cuts in written for cut in cuts)
    if len(places) != len(files) or any(not 0 <= start < end for start, end in places):
        raise ValueError("not all files were written")
    if int(message["frames"]) != frames:
        raise ValueError("not all frames were written")
    return Clips(
        places=places,
        frames=frames,
        width=int(message["width"]),
        height=int(message["height"]),
        has_sound=bool(message["has_sound"]),
        mode=_MODES[message["mode"]],
        copied_frames=min(int(message.get("copied_frames", 0)), frames),
        copied=copied,
    )


def _copied(
    bounds: Any, files: Sequence[Sequence[Cut]], times: FrameTimes
) -> tuple[tuple[Cut, ...], ...]:
    """Tell which frames were copied; those asked for are among them."""
    copied = tuple(
        tuple(
            replace(cut, first=int(first), until=int(until))
            for cut, (first, until) in zip(wanted, found, strict=True)
        )
        for wanted, found in zip(files, bounds, strict=True)
    )
    for wanted, found in zip(files, copied, strict=True):
        for cut, own in zip(wanted, found, strict=True):
            if not 0 <= own.first <= cut.first < cut.until <= own.until <= len(times):
                raise ValueError("a cut does not hold what was asked for")
    return copied
