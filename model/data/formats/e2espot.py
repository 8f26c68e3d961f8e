"""E2E-Spot's label files: a list of videos, events by frame at a stated rate.

An event may have a `team`, which E2E-Spot itself does not read.
"""

from pathlib import Path
from typing import Any

from model.data.formats.base import LabelFormat
from model.data.formats.json_file import read_json
from model.data.labels import Match, MatchLabels, in_order, make_event
from model.data.videos import video_in, video_named
from model.errors import BadAnnotations


def read_e2espot(path: Path) -> list[MatchLabels]:
    """Read an E2E-Spot list: one entry a video, events by frame.

    Raises:
        BadAnnotations: not of that form.
    """
    raw = read_json(path)
    if not isinstance(raw, list):
        raise BadAnnotations(f"{path} is not a list of videos: not E2E-Spot's form.")
    return [_e2espot_entry(entry, path) for entry in raw]


def _e2espot_entry(entry: Any, path: Path) -> MatchLabels:
    try:
        fps = float(entry["fps"])
        events = [
            make_event(
                str(event["label"]),
                int(event["frame"]) / fps,
                path,
                number,
                team=event.get("team"),
            )
            for number, event in enumerate(entry["events"])
        ]
        return MatchLabels(
            name=str(entry["video"]),
            events=in_order(events),
            source=path,
            fps=fps,
            frame_count=int(entry["num_frames"]),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as exc:
        raise BadAnnotations(
            f"{path}: each video needs `video`, `fps`, `num_frames` and `events` with "
            f"`frame` and `label`: {entry!r:.120}"
        ) from exc


def _e2espot_video(labels: MatchLabels, root: Path) -> Path:
    stem = root / labels.name
    video = stem if stem.is_file() else video_named(stem)
    if video is None and stem.is_dir():
        video = video_in(stem)
    if video is None:
        raise BadAnnotations(
            f"{labels.source} names the video {labels.name}, which is not below {root}."
        )
    return video


def _can_read(path: Path) -> bool:
    return path.suffix.lower() == ".json" and isinstance(read_json(path), list)


def _is_label_file(path: Path, root: Path) -> bool:
    return path.suffix == ".json" and path.parent == root and _can_read(path)


E2ESPOT = LabelFormat(
    name="E2E-Spot JSON",
    layout="an E2E-Spot list",
    is_label_file=_is_label_file,
    can_read=_can_read,
    read=read_e2espot,
    match_of=lambda labels, root: Match(
        labels.name, _e2espot_video(labels, root), labels
    ),
)
