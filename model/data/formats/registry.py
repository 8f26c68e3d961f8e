"""All formats of event files; a new one is a module and a line here."""

from model.data.formats.base import EventFormat, Sample
from model.data.formats.boris import BORIS
from model.data.formats.csv import CSV
from model.data.formats.e2espot import E2ESPOT
from model.data.formats.edl import EDL
from model.data.formats.elan import ELAN
from model.data.formats.json_data import parse_json
from model.data.formats.osl import OSL
from model.data.formats.otio import OTIO
from model.data.formats.soccernet import SOCCERNET, SOCCERNET_LABELS
from model.data.formats.sportscode import SPORTSCODE
from model.data.formats.touchline_json import TOUCHLINE_JSON
from model.data.formats.webvtt import WEBVTT
from model.data.formats.youtube import YOUTUBE
from model.errors import BadAnnotations

# Those that are told by their content come before those told by the name alone.
FORMATS: dict[str, EventFormat] = {
    one.name: one
    for one in (
        TOUCHLINE_JSON,
        SOCCERNET,
        SOCCERNET_LABELS,
        E2ESPOT,
        OSL,
        OTIO,
        SPORTSCODE,
        ELAN,
        WEBVTT,
        BORIS,
        EDL,
        CSV,
        YOUTUBE,
    )
}


def format_named(name: str) -> EventFormat:
    """Find a format by the name that users give.

    Raises:
        BadAnnotations: there is none of that name.
    """
    if name not in FORMATS:
        raise BadAnnotations(f"there is no format {name!r}; known are {_known()}")
    return FORMATS[name]


def detect(data: bytes, suffix: str = "") -> EventFormat:
    """Tell the format of a file by its content, or else by its ending.

    Raises:
        BadAnnotations: it is of no known format.
    """
    sample = Sample(data, suffix.lower())
    for one in FORMATS.values():
        if one.read is not None and one.is_like(sample):
            return one
    if sample.suffix == ".json":
        parse_json(data)  # Says what is wrong where it is none.
        raise BadAnnotations(
            "has no list `annotations`, `predictions`, `events` or `data`: JSON of no "
            f"known format; known are {_known()}"
        )
    raise BadAnnotations(f"is in no known format of events; known are {_known()}")


def written_as(suffix: str) -> list[str]:
    """Name the formats whose files end so: several share `.json`."""
    ending = suffix.lower().removeprefix(".")
    return [one.name for one in FORMATS.values() if one.suffix == ending]


def _known() -> str:
    return ", ".join(FORMATS)
