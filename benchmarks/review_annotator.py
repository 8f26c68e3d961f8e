"""A scripted annotator: what each action costs, and what it does.

Costs are those of the keystroke-level model (Card, Moran & Newell, CACM 23(7), 1980,
pp. 396-410): a key 0.28 s (their average non-secretary typist, 40 words a minute; Shift
is a key of its own), a mental step 1.35 s; watching takes as long as it takes. The
annotator knows the truth, sees every event that is played, and errs in nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from app.annotations.estimate import (
    Estimate,
    Tally,
    estimate_quality,
)
from app.annotations.merge import TimelineEvent, merge
from app.annotations.priority import ReviewItem, order_of, tally_of
from app.annotations.states import Decided, EventState
from app.timelines.suggestions import Suggestion
from model.data.labels import Event
from model.evaluation.matching import Scored, pair_by_score

KEY_S = 0.28
THINK_S = 1.35
CLIP_S = 1.5  # played for a decision: from a second before the event to half after
DECIDE_S = CLIP_S + THINK_S + KEY_S  # the page goes on to the next by itself
# While it plays: stop, think, go to the event just passed, one key, play on.
FIX_S = THINK_S + 4 * KEY_S
# Stop, think, back by five frames (Shift and a key), the type's key, play on.
ADD_S = THINK_S + 5 * KEY_S
TAG_S = THINK_S + KEY_S  # a tag while it plays; what comes sooner makes it stop
SLOW = 0.5  # the speed at which one tags while it plays

TOLERANCE_MS = 500
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SPACE = UUID(int=1)


@dataclass(frozen=True, slots=True)
class Truth:
    """What happened in a match.

    Attributes:
        events: by time.
        duration_s: of the match.
    """

    events: Sequence[Event]
    duration_s: float


@dataclass
class Session:
    """A timeline as an annotator leaves it; every change goes through `merge`.

    Attributes:
        spent_s: seconds of the annotator's time.
        stretch_ms: reviewed from the start up to here.
    """

    truth: Truth
    suggestions: Sequence[Suggestion]
    decisions: dict[UUID, Decided] = field(default_factory=dict)
    claimed: dict[UUID, int] = field(default_factory=dict)  # truth by event
    spent_s: float = 0.0
    stretch_ms: int = 0
    _merged: tuple[int, list[TimelineEvent]] = (-1, [])
    _quality: tuple[int, tuple[float, float]] = (-1, (0.0, 0.0))

    def events(self) -> list[TimelineEvent]:
        """Merge what is suggested with what was decided, by the service's code."""
        decided = len(self.decisions)  # it only grows: each event is decided once
        if self._merged[0] != decided:
            events = merge(
                self.suggestions,
                list(self.decisions.values()),
                tolerance_ms=TOLERANCE_MS,
            )
            self._merged = decided, events
        return self._merged[1]

    def quality(self) -> tuple[float, float]:
        """Give the true precision and recall of what is shown."""
        if self._quality[0] != len(self.decisions):
            self._quality = len(self.decisions), self._true_quality()
        return self._quality[1]

    def _true_quality(self) -> tuple[float, float]:
        shown = [
            one for one in self.events() if one.state != "rejected" and not one.is_ghost
        ]
        hits = 0
        labels = {one.label for one in shown} | {e.label for e in self.truth.events}
        for label in labels:
            spots = [
                Scored(one.time_ms / 1000, 2.0 if one.version else one.score or 0.0)
                for one in shown
                if one.label == label
            ]
            times = [e.time_s for e in self.truth.events if e.label == label]
            pairing = pair_by_score(spots, times, tolerance_s=TOLERANCE_MS / 1000)
            hits += int(pairing.hits.sum())
        precision = hits / len(shown) if shown else 1.0
        return precision, hits / max(len(self.truth.events), 1)

    def decide(self, event: TimelineEvent) -> str:
        """Say what is true of a suggestion: it is, it is another type, it is not."""
        right = self._nearest(event, same_label=True)
        if right is not None:
            self._write(event, "accepted", right)
            return "accepted"
        other = self._nearest(event, same_label=False)
        if other is not None and not self._is_suggested(other):
            self._write(event, "edited", other)
            return "edited"
        self._write(event, "rejected", None)
        return "rejected"

    def add(self, index: int) -> None:
        """Add an event that nothing was suggested for."""
        one = self.truth.events[index]
        event_id = uuid5(SPACE, f"{one.label}@{one.time_s}")
        state = EventState(
            event_id=event_id,
            state="added",
            label=one.label,
            frame=0,
            time_ms=round(one.time_s * 1000),
            decided_at=NOON,
        )
        self.decisions[event_id] = Decided(state, len(self.decisions) + 1)
        self.claimed[event_id] = index

    def plan(self) -> tuple[list[ReviewItem], Estimate]:
        """Ask the service's code what to check first, and how good it is by now."""
        events, stretches = self.events(), self._stretches()
        estimate = estimate_quality(self._tally(events))
        items = order_of(events, stretches=stretches, calibrations=estimate.draws)
        return items, estimate

    def _tally(self, events: Sequence[TimelineEvent]) -> Tally:
        said = {
            event_id: one.event.anchor.label
            for event_id, one in self.decisions.items()
            if one.event.anchor is not None
        }
        return tally_of(
            events,
            said=said,
            hinted=(),
            stretches=self._stretches(),
            duration_ms=self.truth.duration_s * 1000,
            has_ghosts=True,
        )

    def _stretches(self) -> list[tuple[int, int]]:
        return [(0, self.stretch_ms)] if self.stretch_ms else []

    def _nearest(self, event: TimelineEvent, *, same_label: bool) -> int | None:
        taken = set(self.claimed.values())
        near = [
            (abs(one.time_s * 1000 - event.time_ms), index)
            for index, one in enumerate(self.truth.events)
            if (one.label == event.label) == same_label
            and index not in taken
            and abs(one.time_s * 1000 - event.time_ms) <= TOLERANCE_MS
        ]
        return min(near)[1] if near else None

    def _is_suggested(self, index: int) -> bool:
        """Whether the timeline shows a truth already, by an event of its type."""
        one = self.truth.events[index]
        return any(
            other.label == one.label
            and not other.is_ghost
            and other.state == "suggested"
            and abs(other.time_ms - one.time_s * 1000) <= TOLERANCE_MS
            for other in self.events()
        )

    def _write(self, event: TimelineEvent, state: str, truth: int | None) -> None:
        suggestion = next(one for one in self.suggestions if one.id == event.id)
        said = EventState.suggested(suggestion, None)
        decided = replace(said, state=state, decided_at=NOON)  # type: ignore[arg-type]  # one of the states
        if truth is not None:
            self.claimed[event.id] = truth
            if state == "edited":
                label = self.truth.events[truth].label
                decided = replace(decided, label=label)
        self.decisions[event.id] = Decided(decided, len(self.decisions) + 1)
