"""The frames about reviewed stretches, decoded once: a match in pieces.

A piece is a reviewed stretch and so much around it as the network looks at, on the
clock of the whole video and beginning with one of serving's windows: what the network
says of its reviewed steps is what it says of them in the whole video. Frames are
appended to a file, so that a killed run decodes on where it was. What is decoded needs
its video no longer.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from model.data.formats.provenance import Span, cut_spans
from model.data.frame_store import StoredMatch, whole_picture
from model.data.labels import Match
from model.errors import BadAnnotations, NoRoom
from model.training.files import write_at_once
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.probe import probe_in_child

MARGIN_BYTES = 256 * 2**20
"""So much of the disk is left for weights and the finished checkpoint."""

INDEX, BEGUN = "index.json", "begun.json"
FLUSH_STEPS = 64

_Ranges = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Frames:
    """How stretches become pieces.

    Attributes:
        spec: what the network sees.
        halo: steps to each side that it looks at.
        hop: steps from one of serving's windows to the next.
    """

    spec: FrameSpec
    halo: int
    hop: int

    def ranges(self, spans: Sequence[Span]) -> _Ranges:
        """Give the steps of each piece: the first, and the one after the last."""
        found: _Ranges = []
        for start_s, end_s in spans:
            first = max(0, int(start_s * self.spec.fps) - 1 - self.halo)
            first -= first % self.hop
            until = int(end_s * self.spec.fps) + 2 + self.halo
            if found and first <= found[-1][1]:
                found[-1] = found[-1][0], until
            else:
                found.append((first, until))
        return found

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a stored picture: (H, W, 3)."""
        return self.spec.height, self.spec.width, 3


def prepare_pieces(
    match: Match,
    spans: Sequence[Span],
    root: Path,
    frames: Frames,
    *,
    on_step: Callable[[int, int], None],
) -> list[StoredMatch]:
    """Decode the pieces of a match, or open them if they are there.

    Args:
        match: with all labels.
        spans: its stretches of which something is known.
        root: the folder of all matches' pieces.
        frames: how stretches become pieces.
        on_step: called with the step that was decoded and the last one, now and then;
            may raise to stop.

    Raises:
        VideoError, DecoderError: the video cannot be decoded, or not that far.
        FileNotFoundError: it has gone, and these pieces of it are not decoded.
        BadAnnotations: no reviewed stretch has a frame.
    """
    folder = root / match.name
    ranges = frames.ranges(spans)
    index = _read_index(folder)
    size = _bytes_of(match.video, index)
    stamp = _stamp(match, frames, ranges, video_bytes=size)
    if index is None or index["stamp"] != stamp:
        _decode(match, folder, frames, ranges, stamp, on_step)
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    pieces = [
        _open(folder / f"{number}.rgb", match, row, frames)
        for number, row in enumerate(index["pieces"], start=1)
    ]
    if len(pieces) == 1:
        return pieces
    named = enumerate(pieces, start=1)
    return [replace(one, name=f"{match.name} piece {n}") for n, one in named]


def decoded_end_s(match: Match, root: Path) -> float | None:
    """Say when the video of a match ends that is decoded; None: it is not.

    Its pieces may be of other stretches than are wanted now.
    """
    index = _read_index(root / match.name)
    if index is None or index["stamp"]["video"] != match.video.name:
        return None
    if _bytes_of(match.video, index) != index["stamp"]["video_bytes"]:
        return None
    end_s: float | None = index.get("end_s")
    return end_s


def bytes_needed(spans: Iterable[Sequence[Span]], frames: Frames) -> int:
    """Say what the pieces of matches take on disk; `spans` are those of each match."""
    ranges = [each for of_match in spans for each in frames.ranges(of_match)]
    steps = sum(until - first for first, until in ranges)
    return steps * int(np.prod(frames.shape))


def check_room(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        NoRoom: it has not; the message says how much is needed.
    """
    needed -= sum(path.stat().st_size for path in folder.rglob("*.rgb"))
    free = shutil.disk_usage(folder).free
    if needed + MARGIN_BYTES > free:
        raise NoRoom(
            f"The pictures of the reviewed stretches take {needed / 1e9:.2f} GB, and "
            f"the disk of {folder} has {free / 1e9:.2f} GB free. Free some and go on, "
            "or teach fewer minutes."
        )


def known_part(piece: StoredMatch, match: Match) -> StoredMatch:
    """Give a piece with what a part of the split knows of it."""
    spans = cut_spans(piece.labels.reviewed or (), spans_within(match))
    return replace(piece, labels=piece.labels.within(spans))


def spans_within(match: Match) -> tuple[Span, ...]:
    """Give what is reviewed of a match, which says so."""
    return match.labels.reviewed or ()


def _decode(
    match: Match,
    folder: Path,
    frames: Frames,
    ranges: _Ranges,
    stamp: dict[str, Any],
    on_step: Callable[[int, int], None],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    end_s = probe_in_child(match.video).duration_s
    if _read_json(folder / BEGUN) != stamp:
        for old in folder.glob("*.rgb"):
            old.unlink()
        write_at_once(folder / BEGUN, json.dumps(stamp).encode())
    (folder / INDEX).unlink(missing_ok=True)
    rows = _decode_ranges(match, folder, frames, ranges, on_step)
    if not rows:
        raise BadAnnotations(f"No reviewed stretch of {match.name} has a frame.")
    index = {"stamp": stamp, "pieces": rows, "end_s": end_s}
    write_at_once(folder / INDEX, json.dumps(index).encode())


def _decode_ranges(
    match: Match,
    folder: Path,
    frames: Frames,
    ranges: _Ranges,
    on_step: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Append what is missing of each piece's frames; give each piece's times."""
    paths = [folder / f"{number}.rgb" for number in range(1, len(ranges) + 1)]
    stored = [_whole_frames(path, frames) for path in paths]
    missing = (
        first + held
        for (first, until), held in zip(ranges, stored, strict=True)
        if first + held < until
    )
    last = ranges[-1][1]
    rows: list[dict[str, Any]] = [{"time_s": [], "frame": [], "pts": []} for _ in paths]
    with decode_in_child(
        match.video, whole_picture(frames.spec), images_from=next(missing, last)
    ) as steps:
        at = 0
        for number, step in enumerate(steps):
            while at < len(ranges) and number >= ranges[at][1]:
                at += 1
            if at == len(ranges):
                break
            if number % FLUSH_STEPS == 0:
                on_step(number, last)
            first = ranges[at][0]
            if number < first:
                continue
            row = rows[at]
            row["time_s"].append(step.time_s)
            row["frame"].append(step.frame)
            row["pts"].append(step.pts)
            if number - first >= stored[at]:
                with paths[at].open("ab") as file:
                    file.write(step.image.data)
    return [row for row in rows if row["time_s"]]


def _whole_frames(path: Path, frames: Frames) -> int:
    """Count the frames of a file, and cut off one that is torn."""
    if not path.is_file():
        return 0
    size = int(np.prod(frames.shape))
    whole = path.stat().st_size // size
    with path.open("rb+") as file:
        file.truncate(whole * size)
    return whole


def _open(path: Path, match: Match, row: dict[str, Any], frames: Frames) -> StoredMatch:
    time_s = np.asarray(row["time_s"], dtype=np.float64)
    frame = np.asarray(row["frame"], dtype=np.int64)
    pictures = np.memmap(path, np.uint8, mode="r", shape=(len(time_s), *frames.shape))
    inside = ((float(time_s[0]), float(time_s[-1]) + 1 / frames.spec.fps),)
    labels = match.labels.at_frames(frame, time_s)
    return StoredMatch(
        name=match.name,
        frames=pictures,
        time_s=time_s,
        frame=frame,
        pts=np.asarray(row["pts"], dtype=np.int64),
        labels=labels.within(inside),
    )


def _read_index(folder: Path) -> dict[str, Any] | None:
    """Read which pieces are decoded; None: not all of them are there, and whole.

    What was written last before a power cut may be the index without its frames.
    """
    index = _read_json(folder / INDEX)
    if index is None:
        return None
    seen = index["stamp"]["input"]
    size = seen["width"] * seen["height"] * 3
    for number, row in enumerate(index["pieces"], start=1):
        path = folder / f"{number}.rgb"
        if not path.is_file() or path.stat().st_size < size * len(row["time_s"]):
            return None
    return index


def _read_json(path: Path) -> dict[str, Any] | None:
    """Read what was written; None: nothing that is whole is there."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return raw


def _bytes_of(video: Path, index: dict[str, Any] | None) -> int:
    """Tell the size of a video: of one that has gone, what it had when decoded.

    Raises:
        OSError: it has gone or cannot be reached, and is not decoded.
    """
    try:
        return video.stat().st_size
    except OSError:
        if index is None:
            raise
    size: int = index["stamp"]["video_bytes"]
    return size


def _stamp(
    match: Match, frames: Frames, ranges: _Ranges, *, video_bytes: int
) -> dict[str, Any]:
    raw = {
        "input": whole_picture(frames.spec).to_dict(),
        "video": match.video.name,
        "video_bytes": video_bytes,
        "ranges": ranges,
    }
    as_read: dict[str, Any] = json.loads(json.dumps(raw))
    return as_read
