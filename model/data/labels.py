"""Labels on disk: SoccerNet's JSON, E2E-Spot's JSON, CSV.

Reads them into events with times; keeps away from video and torch.
"""

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import BadAnnotations

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".ts", ".m4v")
SOCCERNET_NAMES = ("Labels-ball.json", "Labels-v2.json")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as somebody labelled it.

    Attributes:
        label: the class.
        time_s: seconds from the start of the video.
    """

    label: str
    time_s: float


@dataclass(frozen=True, slots=True)
class MatchLabels:
    """The labels of one video.

    Attributes:
        name: of the match, as the file gives it.
        events: earliest first.
        source: the file they came from.
        fps: the rate that the file claims, or None.
        frame_count: the length that the file claims, or None.
    """

    name: str
    events: tuple[Event, ...]
    source: Path
    fps: float | None = None
    frame_count: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A video and its labels.

    Attributes:
        name: the folder below the data set's root, or the video's stem.
        video: the file.
        labels: what happens in it.
    """

    name: str
    video: Path
    labels: MatchLabels


def find_matches(folder: Path) -> list[Match]:
    """Pair each video below `folder` with its labels, by name.

    Three layouts are read: a folder for each match (a video beside SoccerNet's
    `Labels-ball.json` or `Labels-v2.json`, or beside `labels.csv`), an E2E-Spot
    list (`*.json`, whose `video` names a file below `folder`), and `NAME.mp4`
    beside `NAME.csv`.

    Raises:
        BadAnnotations: no match is found, or a label file cannot be read.
    """
    if not folder.is_dir():
        raise BadAnnotations(f"{folder} is not a folder.")
    matches: dict[str, Match] = {}
    for path in sorted(_files_below(folder)):
        for match in _matches_of(path, folder):
            known = matches.get(match.name)
            if known is not None and known.labels.source != match.labels.source:
                raise BadAnnotations(
                    f"{match.name} is labelled twice: in {known.labels.source} and "
                    f"in {match.labels.source}. Keep one of them."
                )
            matches[match.name] = match
    if not matches:
        raise BadAnnotations(
            f"{folder} holds no labelled video: expected MATCH/video.mp4 beside "
            "MATCH/Labels-ball.json, NAME.mp4 beside NAME.csv, or an E2E-Spot list."
        )
    return [matches[name] for name in sorted(matches)]


def unlabelled_videos(folder: Path, matches: Iterable[Match]) -> list[Path]:
    """List the videos below `folder` that no label file belongs to."""
    known = {match.video.resolve() for match in matches}
    videos = (p for p in _files_below(folder) if p.suffix.lower() in VIDEO_SUFFIXES)
    return sorted(video for video in videos if video.resolve() not in known)


def files_of(matches: Iterable[Match]) -> list[Path]:
    """List the videos and label files of matches."""
    return [path for match in matches for path in (match.video, match.labels.source)]


def label_names(matches: Iterable[Match]) -> tuple[str, ...]:
    """Name the labels that occur, the most frequent first, ties by name."""
    counts: dict[str, int] = {}
    for match in matches:
        for event in match.labels.events:
            counts[event.label] = counts.get(event.label, 0) + 1
    return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


def read_soccernet(path: Path) -> MatchLabels:
    """Read one of SoccerNet's label files; `position` is in milliseconds.

    Only one half may be in the file, for its video is one half as well.

    Raises:
        BadAnnotations: not of that form.
    """
    raw = _read_json(path)
    rows = raw.get("annotations") if isinstance(raw, Mapping) else None
    if not isinstance(rows, list):
        raise BadAnnotations(f"{path} has no list `annotations`: not SoccerNet's form.")
    events: list[Event] = []
    halves: set[str] = set()
    for number, row in enumerate(rows):
        try:
            label, time_s = str(row["label"]), int(row["position"]) / 1000
        except (KeyError, TypeError, ValueError) as exc:
            raise BadAnnotations(
                f"{path}: annotation {number} needs `label` and `position` (ms): "
                f"{row!r:.120}"
            ) from exc
        halves.add(str(row.get("gameTime", "1 - ")).split(" - ")[0])
        events.append(_event(label, time_s, path, number))
    if len(halves) > 1:
        raise BadAnnotations(
            f"{path} labels several halves {sorted(halves)}, whose positions each "
            "start at zero: make one file for each half's video."
        )
    name = str(raw.get("UrlLocal") or path.parent.name)
    return MatchLabels(name, _in_order(events), path)


def read_e2espot(path: Path) -> list[MatchLabels]:
    """Read an E2E-Spot list: one entry a video, events by frame.

    Raises:
        BadAnnotations: not of that form.
    """
    raw = _read_json(path)
    if not isinstance(raw, list):
        raise BadAnnotations(f"{path} is not a list of videos: not E2E-Spot's form.")
    return [_e2espot_entry(entry, path) for entry in raw]


def read_csv(path: Path) -> MatchLabels:
    """Read a CSV with a header: `label` (or `type`) and `time_s` (or `time_ms`).

    Raises:
        BadAnnotations: a column is missing or a cell is not a number.
    """
    events: list[Event] = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        label_column = next((c for c in ("label", "type") if c in columns), None)
        time_column = next((c for c in ("time_s", "time_ms") if c in columns), None)
        if label_column is None or time_column is None:
            raise BadAnnotations(
                f"{path} needs a header with `label` and `time_s` (or `time_ms`); "
                f"it has {sorted(columns)}."
            )
        unit_s = 1.0 if time_column == "time_s" else 1e-3
        for number, row in enumerate(reader):
            try:
                time_s = float(row[time_column]) * unit_s
            except (TypeError, ValueError) as exc:
                raise BadAnnotations(
                    f"{path}: row {number + 2}: {time_column} is not a number: "
                    f"{row[time_column]!r}"
                ) from exc
            events.append(_event(str(row[label_column]), time_s, path, number))
    return MatchLabels(path.stem, _in_order(events), path)


def _files_below(folder: Path) -> Iterator[Path]:
    """Walk a folder, linked folders too; a loop of links is followed once."""
    seen: set[Path] = set()
    for base, folders, files in os.walk(folder, followlinks=True):
        real = Path(base).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(base) / name for name in files)


def _matches_of(path: Path, root: Path) -> Iterable[Match]:
    """Give the matches that a label file describes; nothing for other files."""
    if path.name in SOCCERNET_NAMES:
        labels = read_soccernet(path)
        yield Match(_name_of(path.parent, root), _video_in(path.parent), labels)
    elif path.name == "labels.csv":
        yield Match(_name_of(path.parent, root), _video_in(path.parent), read_csv(path))
    elif path.suffix == ".csv" and (video := _video_named(path.with_suffix(""))):
        yield Match(_name_of(path.with_suffix(""), root), video, read_csv(path))
    elif path.suffix == ".json" and path.parent == root and _is_list(path):
        for labels in read_e2espot(path):
            yield Match(labels.name, _e2espot_video(labels, root), labels)


def _e2espot_video(labels: MatchLabels, root: Path) -> Path:
    stem = root / labels.name
    video = stem if stem.is_file() else _video_named(stem)
    if video is None and stem.is_dir():
        video = _video_in(stem)
    if video is None:
        raise BadAnnotations(
            f"{labels.source} names the video {labels.name}, which is not below {root}."
        )
    return video


def _video_in(folder: Path) -> Path:
    videos = sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    if len(videos) != 1:
        raise BadAnnotations(
            f"{folder} needs exactly one video beside its labels, found "
            f"{[video.name for video in videos]}."
        )
    return videos[0]


def _video_named(stem: Path) -> Path | None:
    for suffix in VIDEO_SUFFIXES:
        video = stem.parent / (stem.name + suffix)
        if video.is_file():
            return video
    return None


def _name_of(path: Path, root: Path) -> str:
    return path.name if path == root else path.relative_to(root).as_posix()


def _e2espot_entry(entry: Any, path: Path) -> MatchLabels:
    try:
        fps = float(entry["fps"])
        events = [
            _event(str(event["label"]), int(event["frame"]) / fps, path, number)
            for number, event in enumerate(entry["events"])
        ]
        return MatchLabels(
            name=str(entry["video"]),
            events=_in_order(events),
            source=path,
            fps=fps,
            frame_count=int(entry["num_frames"]),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as exc:
        raise BadAnnotations(
            f"{path}: each video needs `video`, `fps`, `num_frames` and `events` with "
            f"`frame` and `label`: {entry!r:.120}"
        ) from exc


def _event(label: str, time_s: float, path: Path, number: int) -> Event:
    if not label:
        raise BadAnnotations(f"{path}: event {number} has no label.")
    if not math.isfinite(time_s) or time_s < 0:
        raise BadAnnotations(f"{path}: event {number} is at {time_s} s.")
    return Event(label, time_s)


def _in_order(events: list[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: (event.time_s, event.label)))


def _is_list(path: Path) -> bool:
    return isinstance(_read_json(path), list)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BadAnnotations(f"{path} cannot be read as JSON: {exc}") from exc
