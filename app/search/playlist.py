"""Hits as entries of a playlist: where each is played, and what it is called."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.search.hits import Hit
from app.timelines.parameters import ClipMargins
from model.video.playlist import Stretch

MOST_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A hit, and the part of its match that shows it."""

    hit: Hit
    stretch: Stretch


def entries_of(
    hits: Iterable[Hit], margins: ClipMargins, *, base_url: str
) -> Iterator[Entry]:
    """Give each hit's stretch, within its video; nothing is merged.

    Hits in matches whose file is gone are left out.
    """
    for hit in hits:
        if hit.video.dropped_at is not None:
            continue
        start_s = max(0.0, hit.from_ms / 1000 - margins.lead_s)
        end_s = hit.to_ms / 1000 + margins.lag_s
        duration_s = hit.video.duration_s
        if duration_s is not None and duration_s > start_s:
            end_s = min(end_s, duration_s)
        address = f"{base_url}/videos/{hit.video.id}/file"
        stretch = Stretch(
            start_s=start_s, end_s=end_s, name=_name(hit), address=address
        )
        yield Entry(hit, stretch)


def _name(hit: Hit) -> str:
    video = hit.video
    match = video.title or video.filename or str(video.id)
    minutes, seconds = divmod(hit.from_ms // 1000, 60)
    types = ", ".join(event.label for event in hit.events)
    return f"{match} {minutes}:{seconds:02} {types}"
