"""Spots as events of a file; the files themselves are `model.data.formats`."""

from collections.abc import Iterable

from model.data.formats.csv import to_csv
from model.data.formats.events import EventFacts
from model.data.formats.soccernet import to_soccernet
from model.data.formats.touchline_json import event_object
from model.spotting.spots import Spot

__all__ = ["EventFacts", "event_object", "number_spots", "to_csv", "to_soccernet"]


def number_spots(spots: Iterable[Spot]) -> list[EventFacts]:
    """Number spots from 1 in the order given; no database has given them ids."""
    return [
        EventFacts(
            id=str(number),
            label=spot.label,
            time_ms=round(spot.time_s * 1000),
            frame=spot.frame,
            score=spot.score,
            team=spot.team,
        )
        for number, spot in enumerate(spots, start=1)
    ]
