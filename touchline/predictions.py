"""Predictions as they lie on disk: what `to_csv` and `to_soccernet` write."""

from pathlib import Path

from model.data.formats.events import ImportedEvent
from model.data.formats.reading import read_events
from model.errors import BadAnnotations
from touchline.results import Event


def read_predictions(path: Path) -> list[Event]:
    """Read predicted events, earliest first, in any format that tells scores.

    Raises:
        BadAnnotations: the file is not there or not of such a form, or an event in it
            has no score.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise BadAnnotations(f"{path} cannot be read: {exc}") from exc
    try:
        read = read_events(data, suffix=path.suffix)
    except BadAnnotations as exc:
        raise BadAnnotations(f"{path} {exc}") from exc
    if read.needs:
        raise BadAnnotations(f"{path}: {read.needs[0].text}")
    if read.problems:
        raise BadAnnotations(f"{path}: {read.problems[0]}")
    events = [_event(event, path) for event in read.events]
    return sorted(events, key=lambda event: (event.time_s, event.label))


def _event(event: ImportedEvent, path: Path) -> Event:
    if event.score is None:
        raise BadAnnotations(
            f"{path}: {event.where} has no score: predictions need one, labels are "
            "the second argument"
        )
    return Event(
        label=event.label,
        time_s=event.time_s,
        frame=event.frame or 0,
        score=event.score,
        team=event.team,
    )
