"""What the network suggests and what people said become one timeline.

A decision stays as it is whatever the network says now. A suggestion that a decision
is about is not shown beside it: the very same one, or one of another analysis that
has the same label within a tolerance.
"""

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.annotations.states import TEAM, Decided, EventState, Source, State
from app.timelines.suggestions import Suggestion


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event of the merged timeline.

    Attributes:
        time_ms: from the start, as players show.
        frame: 0-based in the source.
        score: the network's; null for what a person added.
        attributes: `team`, `player`, `note` and free keys.
        is_ghost: suggested below the threshold of its label.
        is_provisional: suggested of a live stream, and not for good yet.
        version: the revision of the step that decided it; 0: nobody has.
        author: who decided it last.
    """

    id: UUID
    state: State
    source: Source
    label: str
    time_ms: int
    frame: int
    score: float | None
    attributes: Mapping[str, Any]
    is_ghost: bool = False
    version: int = 0
    author: str | None = None
    decided_at: datetime | None = None
    is_provisional: bool = False

    @classmethod
    def of_suggestion(cls, one: Suggestion) -> "TimelineEvent":
        """Show what nobody has spoken on."""
        attributes = {} if one.team is None else {TEAM: one.team}
        return cls(
            *(one.id, "suggested", "model", one.label, one.time_ms, one.frame),
            *(one.score, attributes, one.is_ghost),
            is_provisional=one.is_provisional,
        )

    @classmethod
    def of_decision(cls, decided: Decided, score: float | None) -> "TimelineEvent":
        """Show what a person said, with the score the network gives it."""
        event = decided.event
        return cls(
            *(event.event_id, event.state, event.source, event.label, event.time_ms),
            *(event.frame, score, event.attributes, False),
            *(decided.revision, event.author, event.decided_at),
        )

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in a timeline: by time, then id."""
        return self.time_ms, self.id.int

    @property
    def team(self) -> str | None:
        """The side that did it, if that is known; a number as it is written."""
        team = self.attributes.get(TEAM)
        return team if team is None or isinstance(team, str) else json.dumps(team)


def merge(
    suggestions: Sequence[Suggestion],
    decisions: Sequence[Decided],
    *,
    tolerance_ms: int,
    analysis_id: UUID | None = None,
) -> list[TimelineEvent]:
    """Merge suggestions and decisions; see `match` for the arguments.

    Returns:
        Every decision once, and every suggestion that no decision is about; by
        (time, id). No id is there twice.
    """
    taken = match(
        suggestions, decisions, tolerance_ms=tolerance_ms, analysis_id=analysis_id
    )
    by_id = {one.id: one for one in suggestions}
    return merged(undecided_events(suggestions), by_id, decisions, taken)


def undecided_events(suggestions: Iterable[Suggestion]) -> list[TimelineEvent]:
    """Show suggestions as if nobody had spoken on them, by (time, id)."""
    return sorted(map(TimelineEvent.of_suggestion, suggestions), key=_place)


def merged(
    undecided: Iterable[TimelineEvent],
    suggestions: Mapping[UUID, Suggestion],
    decisions: Iterable[Decided],
    taken: Mapping[UUID, UUID],
    before: Mapping[UUID, TimelineEvent] | None = None,
) -> list[TimelineEvent]:
    """Merge with what `match` found.

    Args:
        undecided: every suggestion as an event, by (time, id).
        suggestions: the same by id.
        before: events of an earlier revision, to be used again where they still hold.
    """
    takers: dict[UUID, list[Suggestion]] = defaultdict(list)
    for name, event_id in taken.items():
        takers[event_id].append(suggestions[name])
    known = before or {}
    events = [event for event in undecided if event.id not in taken]
    for decided in decisions:
        event_id = decided.event.event_id
        score = _score(decided.event, takers.get(event_id, ()))
        event = known.get(event_id)
        if event is None or (event.version, event.score) != (decided.revision, score):
            event = TimelineEvent.of_decision(decided, score)
        events.append(event)
    events.sort(key=_place)
    return events


def match(
    suggestions: Sequence[Suggestion],
    decisions: Sequence[Decided],
    *,
    tolerance_ms: int,
    analysis_id: UUID | None = None,
) -> dict[UUID, UUID]:
    """Tell which suggestions a decision is about.

    The one with its id is. Else one of the same label, the nearest first: within the
    tolerance of what the model said when it was decided, unless that was the very
    same analysis, whose other suggestions are other events; and where a person made
    it another type or moved it further than the tolerance, one there, too.

    Each suggestion goes to one decision at most. Ghosts come last, so that showing
    them changes nothing else.

    Args:
        suggestions: each id once.
        decisions: each event once.
        analysis_id: which analysis the suggestions are of.

    Returns:
        The id of the decided event by the id of the suggestion.
    """
    decided_ids = {decided.event.event_id for decided in decisions}
    taken = {one.id: one.id for one in suggestions if one.id in decided_ids}
    claims = _Claims(tolerance_ms)
    for decided in decisions:
        claims.add(decided.event, analysis_id)
    for are_ghosts in (False, True):
        round_of = [one for one in suggestions if one.is_ghost == are_ghosts]
        claims.spend(one.id for one in round_of if one.id in decided_ids)
        if claims.are_open:
            free = [one for one in round_of if one.id not in taken]
            taken.update(claims.take(free))
    return taken


@dataclass(slots=True)
class _Claim:
    """One suggestion that a decision may take: near one of these places."""

    event_id: UUID
    places: list[tuple[str, int]]  # label, time in ms
    is_anchor: bool
    is_spent: bool = False


class _Claims:
    """What decisions may still take."""

    def __init__(self, tolerance_ms: int) -> None:
        self._tolerance_ms = tolerance_ms
        self._claims: list[_Claim] = []
        self._anchors: dict[UUID, _Claim] = {}

    def add(self, event: EventState, analysis_id: UUID | None) -> None:
        """Add what a decision may take."""
        now, anchor = (event.label, event.time_ms), event.anchor
        if anchor is None:
            self._claims.append(_Claim(event.event_id, [now], is_anchor=False))
            return
        then = (anchor.label, anchor.time_ms)
        is_near = now[0] == then[0] and abs(now[1] - then[1]) <= self._tolerance_ms
        if analysis_id is None or anchor.analysis_id != analysis_id:
            places = [then, now] if is_near and now != then else [then]
            claim = _Claim(event.event_id, places, is_anchor=True)
            self._claims.append(claim)
            self._anchors[event.event_id] = claim
        if not is_near:
            self._claims.append(_Claim(event.event_id, [now], is_anchor=False))

    def spend(self, event_ids: Iterable[UUID]) -> None:
        """Note decisions whose own suggestion is there: they need no other."""
        for event_id in event_ids:
            if claim := self._anchors.get(event_id):
                claim.is_spent = True

    @property
    def are_open(self) -> bool:
        """Whether any decision may still take a suggestion."""
        return any(not claim.is_spent for claim in self._claims)

    def take(self, suggestions: Sequence[Suggestion]) -> dict[UUID, UUID]:
        """Give each suggestion to the nearest claim, one to one."""
        by_label: dict[str, list[Suggestion]] = defaultdict(list)
        for one in sorted(suggestions, key=lambda one: one.time_ms):
            by_label[one.label].append(one)
        times = {
            label: [one.time_ms for one in ones] for label, ones in by_label.items()
        }
        pairs = [
            (abs(one.time_ms - time_ms), one.id.int, claim.event_id.int, index, one)
            for index, claim in enumerate(self._claims)
            if not claim.is_spent
            for label, time_ms in claim.places
            if label in times
            for one in by_label[label][
                bisect_left(times[label], time_ms - self._tolerance_ms) : bisect_right(
                    times[label], time_ms + self._tolerance_ms
                )
            ]
        ]
        taken: dict[UUID, UUID] = {}
        for _, _, _, index, one in sorted(pairs, key=lambda pair: pair[:4]):
            claim = self._claims[index]
            if not claim.is_spent and one.id not in taken:
                taken[one.id] = claim.event_id
                claim.is_spent = True
        return taken


def _score(event: EventState, its: Sequence[Suggestion]) -> float | None:
    """Choose the score of a decided event: of its own suggestion, else the nearest in
    type; else what it had when it was decided."""
    if event.anchor is None:
        return None
    if not its:
        return event.score
    if len(its) == 1:
        return its[0].score
    best = max(
        its,
        key=lambda one: (
            one.id == event.event_id,
            one.label == event.label,
            one.score,
        ),
    )
    return best.score


def _place(event: TimelineEvent) -> tuple[int, int]:
    return event.place
