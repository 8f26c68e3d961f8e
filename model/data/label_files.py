"""Files of labels, in any format that is read, for training and for measuring."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.data.formats.base import EventFormat, ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.events import (
    ImportedEvent,
    NeedsOption,
    Problem,
    ReadVideo,
)
from model.data.formats.moments import locate
from model.data.formats.reading import read_file
from model.data.formats.registry import detect
from model.data.formats.soccernet import SOCCERNET
from model.data.labels import Event, MatchLabels, in_order
from model.errors import BadAnnotations

# What label files write where an event belongs to neither side.
NO_TEAM = ("", "not applicable")


def read_labels(path: Path) -> list[MatchLabels]:
    """Read a label file, one `MatchLabels` for each video in it.

    Raises:
        BadAnnotations: it is of no known format, an event in it cannot be read, or it
            holds predictions; the message names the file.
    """
    if not path.is_file():
        raise BadAnnotations(f"{path} is not a file.")
    try:
        data = path.read_bytes()
        one = detect(data, path.suffix)
        return _read(path, data, one)
    except NeedsOption as exc:
        raise BadAnnotations(
            f"{path} {exc}. `touchline convert` reads it with that told, and writes "
            "labels."
        ) from exc
    except BadAnnotations as exc:
        raise BadAnnotations(f"{path} {exc}") from exc
    except OSError as exc:
        raise BadAnnotations(f"{path} cannot be read: {exc.strerror}") from exc


def _read(path: Path, data: bytes, one: EventFormat) -> list[MatchLabels]:
    file = read_file(data, one, ReadOptions())
    _refuse(file.problems)
    predicted = one is SOCCERNET or any(
        event.score is not None for video in file.videos for event in video.events
    )
    if predicted:
        raise BadAnnotations(
            "holds predictions: its events have scores. What a network found is not "
            "what happened; `touchline convert --as-labels` makes labels of it once "
            "somebody has checked them."
        )
    notes = tuple(file.notes)
    found = [
        replace(_labels_of(video, path), notes=notes if not number else ())
        for number, video in enumerate(file.videos)
    ]
    if len({labels.half for labels in found}) < 2:
        return found
    return [replace(one, name=f"{one.name}/{one.half}") for one in found]


def _labels_of(video: ReadVideo, path: Path) -> MatchLabels:
    clock = ConstantRate(video.fps) if video.fps else None
    located, problems = locate(video.events, clock)
    _refuse(problems)
    counted = [event.time_s is None for event in video.events]
    events = [
        _event(event, counts_frames=counts)
        for event, counts in zip(located, counted, strict=True)
    ]
    labels = MatchLabels(
        name=video.name or (path.stem if path.suffix != ".json" else path.parent.name),
        events=in_order(events),
        source=path,
        fps=video.fps,
        frame_count=video.frame_count,
        half=video.half,
    )
    told = video.provenance
    spans = None if told is None else told.spans_s
    if told is None or spans is None:
        return labels
    if told.choice:
        raise BadAnnotations(
            f"holds a choice of the events ({', '.join(map(str, told.choice))}), so "
            "others would be taken for background: export it without a filter."
        )
    if not spans:
        raise BadAnnotations(
            "says that no stretch of the video is reviewed: nothing in it is truth yet."
        )
    return labels.within(spans)


def _event(event: ImportedEvent, *, counts_frames: bool) -> Event:
    team = event.team if event.team not in NO_TEAM else None
    frame = event.frame if counts_frames else None
    return Event(event.label, event.time_s, team, frame)


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        more = f" ({len(problems) - 1} more such rows)" if len(problems) > 1 else ""
        raise BadAnnotations(f"cannot be read: {problems[0]}{more}")
