"""What is known of an event: what the model said, and what a person made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.timelines.suggestions import Suggestion

State = Literal["suggested", "accepted", "rejected", "edited", "added"]
Source = Literal["model", "human"]
Action = Literal["accept", "reject", "edit", "add", "reset", "import"]
Attributes = Mapping[str, Any]  # of texts, numbers and booleans

TEAM = "team"


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the model said of an event when a person spoke on it.

    Attributes:
        frame: 0-based in the source.
        time_ms: from the start, as players show.
        team: null where the model did not tell.
        analysis_id: which run said it; null if that is not known.
    """

    label: str
    frame: int
    time_ms: int
    team: str | None = None
    analysis_id: UUID | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """What the model said beside type and time."""
        return {} if self.team is None else {TEAM: self.team}


@dataclass(frozen=True, slots=True)
class EventState:
    """An event as it stands: suggested by the model, or decided by a person.

    Attributes:
        score: the model's; null where it said nothing.
        anchor: null for events that a person added.
        author: who decided it last; null while it is suggested.
    """

    event_id: UUID
    state: State
    label: str
    frame: int
    time_ms: int
    score: float | None = None
    attributes: Attributes = field(default_factory=dict)
    anchor: Anchor | None = None
    author: str | None = None
    decided_at: datetime | None = None

    @classmethod
    def suggested(
        cls, suggestion: Suggestion, analysis_id: UUID | None
    ) -> "EventState":
        """Begin with what an analysis said."""
        anchor = Anchor(
            *(suggestion.label, suggestion.frame, suggestion.time_ms),
            *(suggestion.team, analysis_id),
        )
        return cls(
            event_id=suggestion.id,
            state="suggested",
            label=suggestion.label,
            frame=suggestion.frame,
            time_ms=suggestion.time_ms,
            score=suggestion.score,
            attributes=anchor.attributes,
            anchor=anchor,
        )

    @property
    def source(self) -> Source:
        """Who saw the event first."""
        return "human" if self.anchor is None else "model"

    @property
    def is_decided(self) -> bool:
        """Whether a person has spoken on it."""
        return self.state != "suggested"

    @property
    def says_what_the_model_said(self) -> bool:
        """Whether its type, frame and attributes are the model's."""
        anchor = self.anchor
        return (
            anchor is not None
            and (self.label, self.frame) == (anchor.label, anchor.frame)
            and dict(self.attributes) == anchor.attributes
        )

    @property
    def kept_state(self) -> State:
        """Name the state of an event that a person has decided to keep."""
        if self.anchor is None:
            return "added"
        return "accepted" if self.says_what_the_model_said else "edited"

    def to_json(self) -> dict[str, object]:
        """Write all of it for the log."""
        anchor = self.anchor
        return {
            "state": self.state,
            "label": self.label,
            "frame": self.frame,
            "time_ms": self.time_ms,
            "score": self.score,
            "attributes": dict(self.attributes),
            "anchor": None
            if anchor is None
            else {
                "label": anchor.label,
                "frame": anchor.frame,
                "time_ms": anchor.time_ms,
                "team": anchor.team,
                "analysis_id": str(anchor.analysis_id) if anchor.analysis_id else None,
            },
            "author": self.author,
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
        }

    @classmethod
    def from_json(cls, event_id: UUID, written: Mapping[str, Any]) -> "EventState":
        """Read what `to_json` wrote."""
        anchor, decided_at = written["anchor"], written["decided_at"]
        analysis_id = anchor["analysis_id"] if anchor else None
        return cls(
            event_id=event_id,
            state=written["state"],
            label=written["label"],
            frame=written["frame"],
            time_ms=written["time_ms"],
            score=written["score"],
            attributes=written["attributes"],
            anchor=None
            if anchor is None
            else Anchor(
                *(anchor["label"], anchor["frame"], anchor["time_ms"], anchor["team"]),
                UUID(analysis_id) if analysis_id else None,
            ),
            author=written["author"],
            decided_at=datetime.fromisoformat(decided_at) if decided_at else None,
        )


@dataclass(frozen=True, slots=True)
class Decided:
    """A decided event, and the revision of the step that decided it."""

    event: EventState
    revision: int


def action_between(before: EventState | None, after: EventState | None) -> Action:
    """Name what happened to an event; None: nothing was decided."""
    if after is None:
        return "reset"
    if before is None and after.state == "added":
        return "add"
    if after.state == "rejected":
        return "reject"
    was_rejected = before is not None and before.state == "rejected"
    if after.state == "accepted" or (was_rejected and _same_content(before, after)):
        return "accept"
    return "edit"


def _same_content(before: EventState | None, after: EventState) -> bool:
    return before is not None and (
        (before.label, before.frame, dict(before.attributes))
        == (after.label, after.frame, dict(after.attributes))
    )
