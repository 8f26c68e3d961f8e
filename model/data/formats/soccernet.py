"""SoccerNet's label files: `Labels-ball.json` and `Labels-v2.json`, one a match."""

from collections.abc import Mapping
from pathlib import Path

from model.data.formats.base import LabelFormat
from model.data.formats.json_file import read_json
from model.data.labels import Event, Match, MatchLabels, in_order, make_event
from model.data.videos import match_name, video_in
from model.errors import BadAnnotations

SOCCERNET_NAMES = ("Labels-ball.json", "Labels-v2.json")


def read_soccernet(path: Path) -> MatchLabels:
    """Read one of SoccerNet's label files; `position` is in milliseconds.

    Only one half may be in the file, for its video is one half as well.

    Raises:
        BadAnnotations: not of that form.
    """
    raw = read_json(path)
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
        events.append(make_event(label, time_s, path, number, team=row.get("team")))
    if len(halves) > 1:
        raise BadAnnotations(
            f"{path} labels several halves {sorted(halves)}, whose positions each "
            "start at zero: make one file for each half's video."
        )
    name = str(raw.get("UrlLocal") or path.parent.name)
    return MatchLabels(name, in_order(events), path)


def _can_read(path: Path) -> bool:
    return path.suffix.lower() == ".json" and isinstance(read_json(path), Mapping)


def _match_of(labels: MatchLabels, root: Path) -> Match:
    folder = labels.source.parent
    return Match(match_name(folder, root), video_in(folder), labels)


SOCCERNET = LabelFormat(
    name="SoccerNet JSON",
    layout="MATCH/video.mp4 beside MATCH/Labels-ball.json",
    is_label_file=lambda path, _root: path.name in SOCCERNET_NAMES,
    can_read=_can_read,
    read=lambda path: [read_soccernet(path)],
    match_of=_match_of,
)
