"""Which events a saved search gives clips: the first hits, each whole."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from app.clips.problems import CannotCut
from app.clips.request_schemas import (
    MAX_EVENTS_OF_MATCHES,
    MAX_VIDEOS,
    EventsOfMatch,
)
from app.core.resources import Resources
from app.search.answers import refresh
from app.search.hits import Hit, every_hit
from app.search.saved import find_search
from app.search.saved_schemas import SavedSearch


class SelectedEvents(NamedTuple):
    """Hits for clips; `is_part`: there are more, which are left out."""

    events: list[EventsOfMatch]
    is_part: bool


def events_of_search(search_id: UUID, resources: Resources) -> SelectedEvents:
    """Find what a saved search finds now, as much as clips are made of at once.

    Raises:
        SearchNotFound: there is none of that id.
        CannotCut: it finds nothing of which there is footage.
    """
    with resources.sessions() as session:
        saved = SavedSearch.of(find_search(session, search_id))
    refresh(resources)
    # One more than is taken, to tell whether that is all.
    most = MAX_EVENTS_OF_MATCHES + 1
    found = take_hits(every_hit(resources.read, saved.query.wanted, most=most))
    if not found.events:
        raise CannotCut(
            f"The search {saved.name!r} finds no event of a match whose file is here: "
            "change the search."
        )
    return found


def take_hits(hits: Iterable[Hit]) -> SelectedEvents:
    """Take the first hits within the limits, but of matches without their file."""
    found: list[EventsOfMatch] = []
    videos: set[UUID] = set()
    events = 0
    for hit in hits:
        if hit.video.storage_key is None or hit.video.dropped_at is not None:
            continue
        ids = [event.event_id for event in hit.events]
        events += len(ids)
        videos.add(hit.video.id)
        if events > MAX_EVENTS_OF_MATCHES or len(videos) > MAX_VIDEOS:
            return SelectedEvents(found, is_part=True)
        found.append(EventsOfMatch(video_id=hit.video.id, event_ids=ids))
    return SelectedEvents(found, is_part=False)
