"""Videos on their way into a data set: copied, linked, referred to, or cut."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.datasets.problems import CannotLink, ExportFailed
from app.datasets.staging import Staging
from app.datasets.truth import Truth
from model.data.formats.events import EventFacts
from model.data.formats.provenance import ReviewedSpan, Span
from model.video.cuts import Cut
from model.video.frame_times import FrameTimes

Mode = Literal["copy", "link", "reference", "cut"]
CHUNK_BYTES = 8 << 20

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)


@dataclass(frozen=True, slots=True)
class Piece:
    """A reviewed stretch of a video, cut out.

    Attributes:
        cut: the frames of the source that it has.
        span: what of the source is reviewed in it, in seconds.
    """

    cut: Cut
    span: Span


def place_whole(
    staging: Staging, source: Path, name: str, truth: Truth, mode: Mode
) -> None:
    """Put the whole file of a video into the folder.

    Args:
        source: the stored file.
        name: where it is to be, in the folder.

    Raises:
        ExportFailed: it cannot be linked, or its bytes are not those that came.
        OSError: the disk is full, or the file is gone.
    """
    made_of = f"{mode} {truth.sha256}"
    if staging.is_done(name, made_of):
        return
    target = staging.folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if mode == "reference":
        target.symlink_to(source.resolve())
    elif mode == "link":
        _link(source, target)
    else:
        _copy(source, target, truth)
    staging.note(name, made_of)


def pieces_of(truth: Truth, times: FrameTimes) -> list[Piece]:
    """Choose the frames of each reviewed stretch: those that are shown in it.

    Stretches that share a frame, or touch, are one.
    """
    pieces: list[Piece] = []
    for start_s, end_s in truth.provenance.spans_s or ():
        first = times.frame_at(start_s)
        # The frame that begins with the end of the stretch is not in it.
        until = max(first, times.frame_at(end_s - 0.002)) + 1
        if pieces and first < pieces[-1].cut.until:
            before = pieces[-1]
            cut = Cut(before.cut.first, max(until, before.cut.until))
            pieces[-1] = Piece(cut, (before.span[0], end_s))
        else:
            pieces.append(Piece(Cut(first, until), (start_s, end_s)))
    return pieces


def truth_of(piece: Piece, truth: Truth, times: FrameTimes) -> Truth:
    """Tell what is true of a piece, by its own frames and times."""
    start_s, end_s = piece.cut.start_s(times), piece.cut.end_s(times)
    spans = _moved(truth.provenance.reviewed or (), (start_s, end_s))
    provenance = replace(truth.provenance, reviewed=spans, history=())
    events = (
        _event_in(event, piece.cut, times)
        for event in truth.events
        if event.frame is not None and piece.cut.first <= event.frame < piece.cut.until
    )
    rejected = (
        replace(
            one,
            frame=one.frame - piece.cut.first,
            time_s=round(times.time_of(one.frame) - start_s, 3),
        )
        for one in truth.rejected
        if piece.cut.first <= one.frame < piece.cut.until
    )
    return replace(
        truth, events=tuple(events), rejected=tuple(rejected), provenance=provenance
    )


def cut_pieces(
    staging: Staging,
    source: Path,
    names: Sequence[str],
    pieces: Sequence[Piece],
    times: FrameTimes,
    truth: Truth,
    *,
    on_frames: Callable[[int], None] | None = None,
) -> None:
    """Cut pieces out of a video, to the frame, each with the times it had.

    Args:
        names: where they are to be, in the folder.
        on_frames: is told now and then how many frames are done.

    Raises:
        ModelError: the video cannot be decoded.
        OSError: the disk is full, or the file is gone.
    """
    from model.video.clips import cut_in_child

    wanted = [
        (name, piece, f"cut {truth.sha256} {piece.cut.first}-{piece.cut.until}")
        for name, piece in zip(names, pieces, strict=True)
    ]
    missing = [one for one in wanted if not staging.is_done(one[0], one[2])]
    if not missing:
        return
    with tempfile.TemporaryFile(dir=staging.folder) as scratch:
        files = [[piece.cut] for _, piece, _ in missing]
        made = cut_in_child(
            source, scratch.fileno(), files, times=times, on_frames=on_frames
        )
        for number, (name, _, made_of) in enumerate(missing):
            target = staging.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.writelines(made.pieces(scratch.fileno(), number))
            staging.note(name, made_of)


def sha256_of(path: Path) -> str:
    """Compute the checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _event_in(event: EventFacts, cut: Cut, times: FrameTimes) -> EventFacts:
    frame = event.frame or 0
    time_ms = round((times.time_of(frame) - cut.start_s(times)) * 1000)
    return event._replace(frame=frame - cut.first, time_ms=time_ms)


def _moved(spans: Sequence[ReviewedSpan], within: Span) -> tuple[ReviewedSpan, ...]:
    """Cut spans to a piece, and count from its start."""
    start_s, end_s = within
    cut = (
        replace(
            one,
            from_s=round(max(one.from_s, start_s) - start_s, 6),
            to_s=round(min(one.to_s, end_s) - start_s, 6),
        )
        for one in spans
        if one.from_s < end_s and one.to_s > start_s
    )
    return tuple(one for one in cut if one.from_s < one.to_s)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        raise CannotLink(
            f"{target.parent} cannot share files with the service's storage (another "
            "disk?): use --video-files copy, or reference"
        ) from exc


def _copy(source: Path, target: Path, truth: Truth) -> None:
    """Copy a file, and see that its bytes are those that were uploaded."""
    digest = hashlib.sha256()
    beside = target.with_name(f"{target.name}.part")
    with source.open("rb") as read, beside.open("wb") as written:
        while chunk := read.read(CHUNK_BYTES):
            digest.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    if digest.hexdigest() != truth.sha256:
        beside.unlink()
        raise ExportFailed("its stored file is damaged: the checksum is another one")
    beside.replace(target)
