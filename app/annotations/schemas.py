"""What is sent of corrections, and what a client sends."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.annotations.changes import Change, Versions
from app.core.http.json_rules import at_least_one, at_most_one, both, exactly_one
from app.core.http.schemas import Page
from app.core.http.texts import storable_text
from app.timelines.schemas import (
    EVENT_ID,
    MAX_NUMBER,
    AttributeName,
    Attributes,
    AttributeValue,
    Event,
    EventStateName,
)

MAX_CHANGES = 2000
MAX_FRAME = 2**40
MAX_SECONDS = 1e7
MAX_ATTRIBUTES = 50

TypeName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    AfterValidator(storable_text),
]
Frame = Annotated[int, Field(ge=0, le=MAX_FRAME)]
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
WantedAttributes = Annotated[
    dict[AttributeName, AttributeValue | None],
    Field(
        max_length=MAX_ATTRIBUTES,
        description="Attributes to set; null deletes one, others stay.",
    ),
]


class _Content(BaseModel):
    """What can be said of an event."""

    model_config = ConfigDict(extra="forbid")

    type: TypeName | None = Field(
        None,
        description="A type of the model that ran, or one that is used in this video.",
    )
    frame: Frame | None = Field(None, description="Index in the source, from 0.")
    time_s: Seconds | None = Field(
        None, description="Instead of `frame`: the frame shown at that time."
    )
    attributes: WantedAttributes | None = None

    @model_validator(mode="after")
    def _has_one_place(self) -> "_Content":
        if self.frame is not None and self.time_s is not None:
            raise ValueError("give frame or time_s, not both")
        return self


class NewEvent(_Content):
    """An event that the model did not see."""

    model_config = ConfigDict(
        json_schema_extra={
            **both(at_least_one("type"), exactly_one("frame", "time_s")),
            "examples": [
                {"type": "SHOT", "frame": 2504, "attributes": {"team": "left"}}
            ],
        }
    )

    id: UUID | None = Field(
        None,
        description="A random UUID of your own: if it was added before, nothing is "
        "added again, however late it is sent.",
    )

    def to_change(self) -> Change:
        """Read what is asked for."""
        return Change(
            new_id=self.id,
            label=self.type,
            frame=self.frame,
            time_s=self.time_s,
            attributes=self.attributes,
        )


class EventChange(_Content):
    """What is to become of an event; what is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            **at_most_one("frame", "time_s"),
            **at_least_one("state", "type", "frame", "time_s", "attributes"),
            "examples": [{"state": "accepted"}, {"type": "SHOT", "frame": 2506}],
        }
    )

    state: Literal["accepted", "rejected", "suggested"] | None = Field(
        None,
        description="accepted: keep the event (it is then accepted, edited or added); "
        "suggested: take the decision back.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> "EventChange":
        told = (self.state, self.type, self.frame, self.time_s, self.attributes)
        if all(one is None for one in told):
            raise ValueError("say what is to change: state, type, frame or attributes")
        return self

    def to_change(self, event_id: UUID, versions: Versions | None) -> Change:
        """Read what is asked for."""
        return Change(
            event_id=event_id,
            state=self.state,
            label=self.type,
            frame=self.frame,
            time_s=self.time_s,
            attributes=self.attributes,
            versions=versions,
        )


class BatchChange(EventChange):
    """One change of several: of the event `id`, or a new one without it."""

    model_config = ConfigDict(
        json_schema_extra={
            **at_most_one("frame", "time_s"),
            **at_least_one("state", "type", "frame", "time_s", "attributes"),
            "examples": [{"id": EVENT_ID, "state": "accepted", "version": 0}],
        }
    )

    id: UUID | None = Field(None, description="Left out: a new event is added.")
    version: int | None = Field(
        None,
        ge=0,
        le=MAX_NUMBER,
        description="The version that you saw, as If-Match has it.",
    )

    def as_change(self) -> Change:
        """Read what is asked for."""
        if self.id is None:
            return Change(
                state=self.state,
                label=self.type,
                frame=self.frame,
                time_s=self.time_s,
                attributes=self.attributes,
            )
        versions = None if self.version is None else Versions(frozenset({self.version}))
        return self.to_change(self.id, versions)


class EventChanges(BaseModel):
    """Changes that are made together, or not at all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "changes": [
                        {"id": EVENT_ID, "state": "accepted", "version": 0},
                        {"type": "PASS", "time_s": 12.4},
                    ]
                }
            ]
        },
    )

    changes: list[BatchChange] = Field(min_length=1, max_length=MAX_CHANGES)


class StepDone(BaseModel):
    """What a step left."""

    step: UUID | None = Field(description="Null: nothing was to be changed.")
    revision: int = Field(description="Of the video; goes up with each step.")
    events: list[Event] = Field(
        description="The step's events as they now are, and suggestions that are "
        "shown again because of it."
    )
    gone: list[UUID] = Field(
        description="Events that the timeline no longer has, such as one that was "
        "added and undone."
    )


class EventContent(BaseModel):
    """An event as it was decided."""

    state: EventStateName
    type: str
    time_s: float
    frame: int
    attributes: Attributes
    decided_by: str | None
    decided_at: datetime | None


class HistoryEntry(BaseModel):
    """What one step did to an event."""

    revision: int = Field(description="The event's `version` after it.")
    step: UUID
    action: Literal["accept", "reject", "edit", "add", "reset", "import"]
    author: str
    before: EventContent | None = Field(description="Null: nothing had been decided.")
    after: EventContent | None = Field(description="Null: nothing is decided any more.")
    reverts: UUID | None = Field(description="The step that it undoes or redoes.")
    created_at: datetime


class History(Page[HistoryEntry]):
    """Everything that was done to an event, the oldest first, in one page."""
