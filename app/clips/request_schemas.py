"""What a client asks for when it wants clips."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.clips.clip_options import PLAYLIST, ClipForm, ClipMode, ClipOptions
from app.core.http.json_rules import at_most_one, exactly_one
from app.jobs.schemas import VIDEO_ID
from app.timelines.schemas import EVENT_ID, EventStateName
from model.data.formats.events import LAG_S, LEAD_S
from model.video.captions import CaptionOptions
from model.video.cuts import Order

MAX_EVENTS = 5000
MAX_EVENTS_OF_MATCHES = 1000
MAX_EVENTS_OF_CUT = 50
MAX_VIDEOS = 100
"""That clips are made of at once."""

SEARCH_ID = "01980c1e-9b1d-7a52-8d11-0c6f5f2a9e10"
MAX_SECONDS = 1e7
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
Margin = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=200)]


class EventFilter(BaseModel):
    """Which events, as the parameters of `GET /videos/{id}/events` say it."""

    model_config = ConfigDict(extra="forbid")

    type: list[Name] = Field([], max_length=100, description="Types to keep.")
    team: list[Name] = Field([], max_length=100, description="Teams to keep.")
    state: list[EventStateName | Literal["all"]] = Field(
        [], max_length=10, description="States to keep; left out: all but rejected."
    )
    min_score: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    from_s: Seconds | None = None
    to_s: Seconds | None = None


class Captions(BaseModel):
    """What is written over the pictures, bottom left."""

    model_config = ConfigDict(extra="forbid")

    type: bool = Field(
        default=False, description="Of the event, with its team and player."
    )
    clock: bool = Field(
        default=False,
        description="Of the match, by its halves; else the video's own time.",
    )
    teams: bool = Field(default=False, description="The names of those that play.")


class _HowToCut(BaseModel):
    lead_s: Margin = Field(LEAD_S, description="A clip begins so long before.")
    lag_s: Margin = Field(LAG_S, description="A clip ends so long after.")
    merge: bool = Field(True, description="Clips that overlap or touch become one.")
    order: Order = Field(
        "time", description="score: the best first; what a person said counts as 1."
    )
    form: ClipForm = Field(
        "reel",
        description="One video of all clips, an archive of single ones, or a playlist "
        "of places in the video, for which nothing is rendered.",
    )
    mode: ClipMode = Field(
        "exact",
        description="exact: cut to the frame, encoded anew. smart: cut to the frame, "
        "only the borders of each clip are encoded anew. copy: not encoded anew, "
        "so each clip begins at the key frame before, and ends where it can. What does "
        "not go is encoded: `file.mode` tells. Clips of several videos, and those with "
        "captions, are always made by exact.",
    )
    captions: Captions = Field(
        default_factory=Captions,
        description="What is written over the pictures, which are encoded anew then.",
    )

    provenance: bool = Field(
        False,
        description="The files tell which model, thresholds and people the events come "
        "from, and what was reviewed: a video as its comment, a playlist in lines of "
        "comment. `provenance` of the clip tells the same.",
    )

    @model_validator(mode="after")
    def _burnt_in(self) -> Self:
        if self.form == PLAYLIST and self.captions != Captions():
            raise ValueError("a playlist is not rendered, so it cannot have captions")
        return self

    @property
    def options(self) -> ClipOptions:
        """How clips are cut."""
        captions = CaptionOptions(**self.captions.model_dump())
        return ClipOptions(self.lead_s, self.lag_s, self.merge, self.order, captions)


class NewClip(_HowToCut):
    """Clips to be made of a video's events."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            **at_most_one("filter", "event_ids"),
            "examples": [
                {
                    "filter": {"type": ["SHOT"], "min_score": 0.5},
                    "lead_s": 6,
                    "lag_s": 4,
                    "form": "reel",
                }
            ],
        },
    )

    filter: EventFilter | None = Field(
        None, description="Which events; left out, and without `event_ids`: all shown."
    )
    event_ids: list[UUID] | None = Field(
        None,
        min_length=1,
        max_length=MAX_EVENTS,
        description="These events, in place of a filter.",
        examples=[[EVENT_ID]],
    )

    @model_validator(mode="after")
    def _one_choice(self) -> "NewClip":
        if self.filter is not None and self.event_ids is not None:
            raise ValueError("give a filter or event_ids, not both")
        return self


class EventsOfMatch(BaseModel):
    """What one cut shows of a video: an event, or several, as a sequence has them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=exactly_one("event_id", "event_ids")
    )

    video_id: UUID
    event_id: UUID | None = None
    event_ids: list[UUID] | None = Field(
        None,
        min_length=1,
        max_length=MAX_EVENTS_OF_CUT,
        description="In place of `event_id`: one cut shows all of them, from `lead_s` "
        "before the first to `lag_s` after the last, and what lies between.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.event_id is None) == (self.event_ids is None):
            raise ValueError("give an event_id or event_ids, not both")
        return self

    @property
    def ids(self) -> list[UUID]:
        """The events, one at least."""
        one = [] if self.event_id is None else [self.event_id]
        return self.event_ids or one


class NewClipOfMatches(_HowToCut):
    """Clips to be made of events of several videos."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            **exactly_one("events", "search_id"),
            "examples": [
                {
                    "events": [{"video_id": VIDEO_ID, "event_id": EVENT_ID}],
                    "lead_s": 6,
                    "lag_s": 4,
                    "form": "reel",
                    "captions": {"type": True, "teams": True},
                },
                {"search_id": SEARCH_ID, "lead_s": 4, "lag_s": 3},
            ],
        },
    )

    events: list[EventsOfMatch] | None = Field(
        None,
        min_length=1,
        max_length=MAX_EVENTS_OF_MATCHES,
        description="In the order of their videos, whose events are put by `order`.",
    )
    search_id: UUID | None = Field(
        None,
        description="A saved search, in place of `events`: what it finds now, each hit "
        f"whole, up to {MAX_EVENTS_OF_MATCHES:,} events of {MAX_VIDEOS} videos.",
    )

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if (self.events is None) == (self.search_id is None):
            raise ValueError("give events or a search_id, not both")
        count = sum(len(one.ids) for one in self.events or ())
        if count > MAX_EVENTS_OF_MATCHES:
            raise ValueError(
                f"{count} events are too many: at most {MAX_EVENTS_OF_MATCHES}"
            )
        return self
