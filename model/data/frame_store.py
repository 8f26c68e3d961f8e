"""The frame store: each match decoded once, its frames read back by random clip.

One folder a match: `frames.npy` (steps, height, width, 3) uint8, mapped into
memory, and `match.json` with the times and what they were made from. Decoded by
the decoder that serves, scaled alike; keeps away from torch.
"""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from model.data.labels import Match, MatchLabels
from model.errors import BadAnnotations, TrainingFailed, UnreadableVideo
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.source import Tally

FORMAT = "touchline-frames"
VERSION = 2  # 2: scaled as 4:2:2.

# A match with more of its video damaged is corrupt: around a packet that is lost,
# pictures freeze, and labels would be trained on the wrong ones.
DAMAGED_SHARE = 0.01

_INDEX = "match.json"
_FRAMES = "frames.npy"


@dataclass(frozen=True, slots=True)
class StoredMatch:
    """A match whose frames lie in the store.

    Attributes:
        name: of the match.
        frames: (T, H, W, 3) uint8 RGB, mapped; not to be written.
        time_s: (T,) when each step is, in seconds of the video.
        frame: (T,) index of each step's frame in the video.
        pts: (T,) of that frame, in the stream's time base.
        labels: its events.
    """

    name: str
    frames: NDArray[np.uint8]
    time_s: NDArray[np.float64]
    frame: NDArray[np.int64]
    pts: NDArray[np.int64]
    labels: MatchLabels

    def __len__(self) -> int:
        return len(self.time_s)

    def known_steps(self) -> NDArray[np.bool_] | None:
        """Say of which steps it is known what happens: (T,); None: of all."""
        if self.labels.reviewed is None:
            return None
        is_known = np.zeros(len(self), dtype=np.bool_)
        for start_s, end_s in self.labels.reviewed:
            is_known |= (self.time_s >= start_s) & (self.time_s < end_s)
        return is_known


def whole_picture(spec: FrameSpec) -> FrameSpec:
    """Give the spec without its crop: what is stored, so that crops can move."""
    return FrameSpec(width=spec.width, height=spec.height, fps=spec.fps)


def prepare_match(
    match: Match,
    root: Path,
    spec: FrameSpec,
    *,
    on_step: Callable[[int], None] | None = None,
) -> Path:
    """Decode a match into the store; do nothing if it is there already.

    A folder appears whole or not at all, so a killed run is taken up by running it
    again. `on_step` is called with the count of steps written so far.

    Returns:
        The match's folder.

    Raises:
        UnreadableVideo, ...: what the decoder raises, and a video of which more
            than `DAMAGED_SHARE` is damaged.
        BadAnnotations: the video has no frame, or files of that name are there
            that are not the store's.
        TrainingFailed: the disk is full.
    """
    folder = root / match.name
    stamp = _stamp(match, whole_picture(spec))
    if _is_current(folder, stamp):
        return folder
    _refuse_other_files(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _INDEX).unlink(missing_ok=True)
    part = folder / (_FRAMES + ".part")
    with _naming_a_full_disk(root, part):
        times, frames, pts, tally = _write_frames(part, match, spec, on_step)
        _refuse_damage(tally)
        part.replace(folder / _FRAMES)
        index = {**stamp, "time_s": times, "frame": frames, "pts": pts}
        index["damaged_packets"] = tally.damaged_packets
        temporary = folder / (_INDEX + ".part")
        temporary.write_text(json.dumps(index), encoding="utf-8")
        temporary.replace(folder / _INDEX)
    return folder


def is_prepared(match: Match, root: Path, spec: FrameSpec) -> bool:
    """Whether a match lies in the store, as it is now."""
    return _is_current(root / match.name, _stamp(match, whole_picture(spec)))


def open_match(
    match: Match, root: Path, spec: FrameSpec, *, in_memory: bool = False
) -> StoredMatch:
    """Map a prepared match, or read it into memory.

    Raises:
        BadAnnotations: it is not in the store, or was made for another size, rate
            or file.
    """
    folder = root / match.name
    if not _is_current(folder, _stamp(match, whole_picture(spec))):
        raise BadAnnotations(
            f"{match.name} is not prepared at {spec.width}x{spec.height}, "
            f"{spec.fps:g} steps a second: run `touchline data prepare` first."
        )
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    frames: NDArray[np.uint8] = np.load(
        folder / _FRAMES, mmap_mode=None if in_memory else "r"
    )
    time_s = np.asarray(index["time_s"], dtype=np.float64)
    if len(frames) != len(time_s):
        raise BadAnnotations(f"{folder} is damaged: delete it and prepare it again.")
    frame = np.asarray(index["frame"], dtype=np.int64)
    return StoredMatch(
        name=match.name,
        frames=frames,
        time_s=time_s,
        frame=frame,
        pts=np.asarray(index["pts"], dtype=np.int64),
        labels=match.labels.at_frames(frame, time_s),
    )


@dataclass(frozen=True, slots=True)
class PreparedFacts:
    """What a match takes in the store, and how much of its video was damaged."""

    minutes: float
    size_bytes: int
    damaged_packets: int = 0


def prepared_facts(folder: Path) -> PreparedFacts:
    """Count the minutes and bytes of a prepared match."""
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    return PreparedFacts(
        minutes=len(index["time_s"]) / index["input"]["fps"] / 60,
        damaged_packets=int(index.get("damaged_packets", 0)),
        size_bytes=sum(path.stat().st_size for path in folder.iterdir()),
    )


def _write_frames(
    part: Path,
    match: Match,
    spec: FrameSpec,
    on_step: Callable[[int], None] | None,
) -> tuple[list[float], list[int], list[int], Tally]:
    """Stream the frames to disk; the header is written again once T is known."""
    times: list[float] = []
    frames: list[int] = []
    pts: list[int] = []
    whole = whole_picture(spec)
    with part.open("wb") as file, decode_in_child(match.video, whole) as steps:
        _write_header(file, 0, whole)
        for step in steps:
            file.write(step.image.data)
            times.append(step.time_s)
            frames.append(step.frame)
            pts.append(step.pts)
            if on_step is not None:
                on_step(len(times))
        file.seek(0)
        _write_header(file, len(times), whole)
        file.flush()
        os.fsync(file.fileno())
    if not times or steps.tally is None:
        raise BadAnnotations(f"{match.video} has no frame.")
    return times, frames, pts, steps.tally


def _refuse_damage(tally: Tally) -> None:
    if tally.damaged_packets > DAMAGED_SHARE * tally.packets:
        raise UnreadableVideo(
            f"{tally.damaged_packets / tally.packets:.1%} of the video is damaged."
        )


def _refuse_other_files(folder: Path) -> None:
    """Decode over nothing but what the store itself has written."""
    index, frames = folder / _INDEX, folder / _FRAMES
    path, is_ours = (index, _is_our_index) if index.exists() else (frames, _is_frames)
    if path.exists() and not is_ours(path):
        raise BadAnnotations(
            f"{path} was not written by Touchline and is left as it is: name another "
            "folder as data.store, or remove it."
        )


def _is_our_index(path: Path) -> bool:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(raw, dict) and raw.get("format") == FORMAT


def _is_frames(path: Path) -> bool:
    """Whether an array of pictures lies there, whose index a crash has cost."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return False
    return bool(found.dtype == np.uint8 and found.ndim == 4 and found.shape[-1] == 3)


def _write_header(file: BinaryIO, steps: int, spec: FrameSpec) -> None:
    """Write NumPy's header; it is padded, so its length does not depend on T."""
    shape = (steps, spec.height, spec.width, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _stamp(match: Match, spec: FrameSpec) -> dict[str, Any]:
    """Describe what a stored match was made from; if it differs, decode again."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "input": spec.to_dict(),
        "video": match.video.name,
        "video_bytes": match.video.stat().st_size,
    }


def _is_current(folder: Path, stamp: dict[str, Any]) -> bool:
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    same = all(index.get(key) == value for key, value in stamp.items())
    return same and (folder / _FRAMES).is_file()


@contextmanager
def _naming_a_full_disk(root: Path, part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        part.unlink(missing_ok=True)
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise TrainingFailed(
            f"The disk of {root} is full: nothing of this match is kept, the matches "
            "before it are. Free space and run it again."
        ) from exc
    except BaseException:
        part.unlink(missing_ok=True)
        raise
