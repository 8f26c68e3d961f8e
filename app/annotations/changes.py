"""What a change makes of an event: pure, but for types and frames that are asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.annotations.frame_clock import FrameClock
from app.annotations.states import EventState
from app.core.db.base import new_id
from app.core.errors import RULE, InvalidRequest

WantedState = Literal["accepted", "rejected", "suggested"]
MAX_ATTRIBUTES = 50


@dataclass(frozen=True, slots=True)
class Versions:
    """Which versions of an event a change was made for (`If-Match`).

    Attributes:
        numbers: those that were named; None: any version there is.
    """

    numbers: frozenset[int] | None

    def allow(self, version: int) -> bool:
        """Whether the change was made for this version."""
        return self.numbers is None or version in self.numbers

    @property
    def oldest(self) -> int:
        """From where on the author of the change does not know what happened."""
        return min(self.numbers or {0})


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of one event.

    Attributes:
        event_id: null: a new one is added.
        new_id: what a new one is called; null: a name is made.
        state: accepted keeps the event, suggested takes the decision back.
        frame: or `time_s`, not both.
        attributes: to be set; null deletes one.
        versions: which version is to be changed; None: that was not said.
    """

    event_id: UUID | None = None
    new_id: UUID | None = None
    state: WantedState | None = None
    label: str | None = None
    frame: int | None = None
    time_s: float | None = None
    attributes: Mapping[str, Any] | None = None
    versions: Versions | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a change is made by.

    Attributes:
        clock: gives the frames of the video, if they are asked for.
        check_label: raises `UnknownType`.
    """

    clock: Callable[[], FrameClock]
    check_label: Callable[[str], None]
    author: str
    now: datetime


def changed(event: EventState, change: Change, rules: Rules) -> EventState | None:
    """Tell what an event becomes; None: nobody has decided anything any more.

    Raises:
        UnknownType, FrameBeyondEnd, FramesUnknown: as the rules say.
        InvalidRequest: the change contradicts itself, or there is nothing to take
            back.
    """
    if change.state == "suggested":
        _check_reset(event, change)
        return None
    moved = _with_content(event, change, rules)
    rejects = change.state == "rejected" or (
        change.state is None and event.state == "rejected"
    )
    state = "rejected" if rejects else moved.kept_state
    if state == event.state and moved == event:
        return event
    return replace(moved, state=state, author=rules.author, decided_at=rules.now)


def added(change: Change, rules: Rules) -> EventState:
    """Make an event of a person.

    Raises:
        UnknownType, FrameBeyondEnd, FramesUnknown: as the rules say.
        InvalidRequest: type or time is missing, or a state is asked for.
    """
    if change.label is None:
        raise InvalidRequest(
            "A new event needs a type.",
            kind=RULE,
        )
    if change.state is not None:
        raise InvalidRequest(
            "A new event takes no state: it is added.",
            kind=RULE,
        )
    if change.frame is None and change.time_s is None:
        raise InvalidRequest(
            "A new event needs a frame or time_s.",
            kind=RULE,
        )
    rules.check_label(change.label)
    frame = _frame_of(change, clock := rules.clock())
    event_id = change.new_id or new_id()
    return EventState(
        *(event_id, "added", change.label, frame, clock.time_ms_of(frame)),
        attributes=_attributes({}, change.attributes or {}),
        author=rules.author,
        decided_at=rules.now,
    )


def _check_reset(event: EventState, change: Change) -> None:
    contents = (change.label, change.frame, change.time_s, change.attributes)
    if any(one is not None for one in contents):
        raise InvalidRequest(
            "state=suggested takes a decision back; nothing else can be changed with "
            "it.",
            kind=RULE,
        )
    if event.anchor is None:
        raise InvalidRequest(
            "A person added this event, there is no suggestion to go back to: reject "
            "it, or undo.",
            kind=RULE,
        )


def _with_content(event: EventState, change: Change, rules: Rules) -> EventState:
    if change.label is not None:
        rules.check_label(change.label)
        event = replace(event, label=change.label)
    if change.frame is not None or change.time_s is not None:
        event = _moved(event, change, rules.clock())
    if change.attributes is not None:
        attributes = _attributes(event.attributes, change.attributes)
        event = replace(event, attributes=attributes)
    return event


def _moved(event: EventState, change: Change, clock: FrameClock) -> EventState:
    frame = _frame_of(change, clock)
    time_ms = clock.time_ms_of(frame)
    if event.anchor is not None and frame == event.anchor.frame:
        time_ms = event.anchor.time_ms
    return replace(event, frame=frame, time_ms=time_ms)


def _frame_of(change: Change, clock: FrameClock) -> int:
    """Give the frame that a change names, or that is shown when it says."""
    if change.frame is not None and change.time_s is not None:
        raise InvalidRequest("Give a frame or time_s, not both.", kind=RULE)
    if change.frame is not None:
        return change.frame
    return clock.frame_at(change.time_s or 0.0)


def _attributes(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**known, **wanted}
    kept = {key: value for key, value in merged.items() if value is not None}
    if len(kept) > MAX_ATTRIBUTES:
        raise InvalidRequest(
            f"An event takes {MAX_ATTRIBUTES} attributes at most.", kind=RULE
        )
    return kept
