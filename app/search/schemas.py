"""What is sent of events found in all matches."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.core.http.schemas import Page
from app.search.hits import Hit
from app.search.tables import SearchedEvent
from app.timelines.schemas import EVENT_ID, Attributes, EventStateName
from app.videos.tables import Video

_VIDEO: JsonDict = {
    "id": "01a0b9a2-7c1e-7d4a-9a53-5f0f6d113a77",
    "title": "Cup final",
    "filename": "final.mp4",
    "date": "2026-05-31",
    "competition": "City Cup",
    "duration_s": 5410.2,
    "has_thumbnails": True,
}
_EVENT: JsonDict = {
    "id": EVENT_ID,
    "type": "SHOT",
    "time_s": 83.467,
    "frame": 2504,
    "score": 0.91,
    "state": "accepted",
    "team": "left",
    "team_name": "Arena Reds",
    "attributes": {"team": "left", "player": "7"},
}
_PASS: JsonDict = {
    **_EVENT,
    "id": "b0b7f0a4-4c9f-5a08-8a1b-0f6d11e0c2ad",
    "type": "PASS",
    "time_s": 81.1,
    "frame": 2433,
}


class FoundVideo(BaseModel):
    """The match that an event is of."""

    id: UUID
    title: str | None
    filename: str | None
    date: date | None
    competition: str | None
    duration_s: float | None
    has_thumbnails: bool = Field(
        description="Whether `GET /videos/{id}/thumbnails.vtt` has stills of it."
    )

    @classmethod
    def of(cls, video: Video) -> Self:
        """Show it."""
        return cls.model_construct(
            id=video.id,
            title=video.title,
            filename=video.filename,
            date=video.played_on,
            competition=video.competition,
            duration_s=video.duration_s,
            has_thumbnails=bool(video.thumbnails),
        )


class EventOfMatch(BaseModel):
    """An event of a sequence; its address is `/videos/{video.id}/events/{id}`."""

    id: UUID
    type: str
    time_s: float
    frame: int
    score: float | None
    state: EventStateName
    team: str | None = Field(
        description="As the event has it; of a longer one, its first 500 characters."
    )
    team_name: str | None = Field(description="As the match facts call it.")
    attributes: Attributes


class FoundEvent(EventOfMatch):
    """An event of some match; its own address is `/videos/{video.id}/events/{id}`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EVENT, "video": _VIDEO}]}
    )

    video: FoundVideo

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """Show it."""
        return cls.model_construct(
            video=FoundVideo.of(hit.video), **_facts(hit.events[0])
        )


class FoundSequence(BaseModel):
    """Events one after another in some match."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "video": _VIDEO,
                    "from_s": 81.1,
                    "to_s": 83.467,
                    "events": [_PASS, _EVENT],
                }
            ]
        }
    )

    video: FoundVideo
    from_s: float = Field(description="When its first event is.")
    to_s: float = Field(description="When its last event is.")
    events: list[EventOfMatch] = Field(description="One a step, by time.")

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """Show it."""
        return cls.model_construct(
            video=FoundVideo.of(hit.video),
            from_s=hit.from_ms / 1000,
            to_s=hit.to_ms / 1000,
            events=[EventOfMatch.model_construct(**_facts(one)) for one in hit.events],
        )


class _FoundPage(BaseModel):
    pending_videos: int = Field(
        description="Matches that have changed and are searched as they were before, "
        "or not yet; ask again in a moment. 0: none."
    )


class FoundEvents(Page[FoundEvent], _FoundPage):
    """Events by match, then time."""


class FoundSequences(Page[FoundSequence], _FoundPage):
    """Sequences by match, then time.

    A page may have fewer than `limit`, even none, and a `next_cursor`: then so many
    events have been looked around, and the next page goes on from there.
    """


def found_page(
    hits: Sequence[Hit], *, is_sequence: bool, next_cursor: str | None, pending: int
) -> FoundEvents | FoundSequences:
    """Show a page of a search."""
    if is_sequence:
        return FoundSequences.model_construct(
            items=[FoundSequence.of(hit) for hit in hits],
            next_cursor=next_cursor,
            pending_videos=pending,
        )
    return FoundEvents.model_construct(
        items=[FoundEvent.of(hit) for hit in hits],
        next_cursor=next_cursor,
        pending_videos=pending,
    )


def _facts(event: SearchedEvent) -> dict[str, Any]:
    return {
        "id": event.event_id,
        "type": event.label,
        "time_s": event.time_ms / 1000,
        "frame": event.frame,
        "score": None if event.score is None else round(event.score, 4),
        "state": event.state,
        "team": event.team,
        "team_name": event.team_name,
        "attributes": event.attributes,
    }
