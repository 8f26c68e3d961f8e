"""All formats of event files, loaded; `names.py` lists them."""

from pkgutil import resolve_name

from model.data.formats.base import EventFormat, Sample
from model.data.formats.json_data import parse_json
from model.data.formats.names import FORMAT_MODULES
from model.errors import BadAnnotations

FORMATS: dict[str, EventFormat] = {
    name: resolve_name(f"{__package__}.{place}")
    for name, place in FORMAT_MODULES.items()
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
