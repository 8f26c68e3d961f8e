"""Write events in any format, wherever they come from."""

from collections.abc import Iterable, Sequence

from model.data.formats.events import EventFacts, ExportedVideo, ImportedEvent
from model.data.formats.registry import format_named
from model.errors import CannotWrite


def write_events(
    events: Sequence[EventFacts],
    video: ExportedVideo,
    *,
    format: str,  # as users call it
) -> str:
    """Write the events of a video, which are in time order.

    Raises:
        BadAnnotations: there is no such format.
        CannotWrite: it cannot be written, or cannot hold these events; the message
            says why.
    """
    one = format_named(format)
    if one.write is None:
        raise CannotWrite(f"{one.title} can be read, not written")
    if not one.is_installed:
        raise CannotWrite(one.how_to_install)
    if video.provenance is not None and one.holds.provenance == "none":
        raise CannotWrite(
            f"{one.title} has no place for where events come from: take another format "
            "(json holds all), or leave the provenance out"
        )
    try:
        return one.write(events, video)
    except CannotWrite as exc:
        raise CannotWrite(f"{one.title} cannot hold these events: {exc}.") from exc


def as_facts(
    events: Iterable[ImportedEvent], *, with_scores: bool = True
) -> list[EventFacts]:
    """Number what was read, to be written again."""
    return [
        EventFacts(
            id=str(number),
            label=event.label,
            time_ms=round(event.time_s * 1000),
            frame=event.frame,
            score=event.score if with_scores else None,
            team=event.team,
            attributes=event.attributes,
        )
        for number, event in enumerate(events, start=1)
    ]
