"""CSV with a header: a label and a time for each event."""

import csv
from pathlib import Path

from model.data.formats.base import LabelFormat
from model.data.labels import Event, Match, MatchLabels, in_order, make_event
from model.data.videos import match_name, video_in, video_named
from model.errors import BadAnnotations

MATCH_CSV = "labels.csv"


def read_csv(path: Path) -> MatchLabels:
    """Read a CSV with a header: `label` (or `type`) and `time_s` (or `time_ms`).

    A column `team` names the side, where there is one.

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
            label = str(row[label_column])
            events.append(make_event(label, time_s, path, number, team=row.get("team")))
    return MatchLabels(path.stem, in_order(events), path)


def _is_label_file(path: Path, _root: Path) -> bool:
    if path.name == MATCH_CSV:
        return True
    return path.suffix == ".csv" and video_named(path.with_suffix("")) is not None


def _match_of(labels: MatchLabels, root: Path) -> Match:
    path = labels.source
    if path.name == MATCH_CSV:
        return Match(match_name(path.parent, root), video_in(path.parent), labels)
    stem = path.with_suffix("")
    return Match(match_name(stem, root), video_named(stem) or video_in(stem), labels)


CSV = LabelFormat(
    name="CSV",
    layout="NAME.mp4 beside NAME.csv",
    is_label_file=_is_label_file,
    can_read=lambda path: path.suffix.lower() == ".csv",
    read=lambda path: [read_csv(path)],
    match_of=_match_of,
)
