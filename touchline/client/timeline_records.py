"""Events as the service answers them, alone, found, changed and counted.

Frozen objects; names are those of the HTTP API. Times are seconds from the start of a
video (`_s`) or moments with a zone (`_at`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

State = Literal["suggested", "accepted", "rejected", "edited", "added"]
Attribute = str | bool | int | float


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened in a video, and what people say of it.

    Attributes:
        score: the model's belief, 0 to 1; None for what a person added.
        version: of the decision; `edit` and the others compare it.
        is_provisional: of a live stream, and not for good yet.
    """

    id: str
    type: str
    time_s: float
    frame: int
    score: float | None
    team: str | None
    state: State
    source: Literal["model", "human"]
    attributes: Mapping[str, Attribute]
    is_ghost: bool
    version: int
    decided_by: str | None
    decided_at: datetime | None
    is_provisional: bool = False


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """The match of an event that a search found."""

    id: str
    title: str | None
    filename: str | None
    date: date | None
    competition: str | None


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event that a search over all matches found."""

    id: str
    video: FoundVideo
    type: str
    time_s: float
    frame: int
    score: float | None
    state: State
    team: str | None
    team_name: str | None
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class StepOfSequence:
    """An event of a sequence that a search found."""

    id: str
    type: str
    time_s: float
    frame: int
    score: float | None
    state: State
    team: str | None
    team_name: str | None
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class FoundSequence:
    """Events one after another that a search found; times in the video."""

    video: FoundVideo
    events: tuple[StepOfSequence, ...]
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of corrections did.

    Attributes:
        step: its id; None if nothing changed.
        events: as they are now.
        gone: ids that the timeline has no longer.
    """

    step: str | None
    revision: int
    events: tuple[TimelineEvent, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events of a type, a team and a half there are; None: not known."""

    type: str
    team: str | None
    half: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a match's timeline comes to; `raw` has all that the service said."""

    video_id: str
    count: int
    types: tuple[str, ...]
    teams: tuple[str, ...]
    counts: tuple[EventCount, ...]
    mean_passes_before_shot: float | None
    raw: Mapping[str, Any]
