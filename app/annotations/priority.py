"""What to check first: what a decision is likely to mend.

NumPy only; knows nothing of rows.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.annotations.calibration import Draws, Verdict
from app.annotations.estimate import Tally, TypeTally
from app.annotations.merge import TimelineEvent

Reason = Literal["doubt", "disagreement", "ghost", "sample"]
Stretches = Sequence[tuple[int, int]]  # from (included) to (not included), in ms

NEIGHBOUR_MS = 1000
DISAGREEMENT = 0.5  # how much it counts that two types are said of one moment
SAMPLE_EVERY = 5  # every fifth place is for one that is picked at random


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One event to be checked.

    Attributes:
        event: not decided yet.
        probability: that it is an event of its type, by the calibrated score.
        gain: errors that a decision is expected to mend, in [0, 1]: how likely a
            suggestion is wrong, or a ghost right.
        reason: why it stands where it does.
        other: the event of another type that it disagrees with.
    """

    event: TimelineEvent
    probability: float
    gain: float
    reason: Reason
    other: UUID | None = None


def tally_of(
    events: Sequence[TimelineEvent],
    *,
    said: Mapping[UUID, str],
    hinted: Collection[UUID],
    stretches: Stretches,
    duration_ms: float,
    has_ghosts: bool,
) -> Tally:
    """Count what is known of a timeline.

    In a reviewed stretch everything is decided: a suggestion that was left there is an
    event, a ghost that was left is none. A suggestion that a person made another type
    was wrong of its own.

    Args:
        events: of all states, with ghosts as far as they are known.
        said: the type that the network said, by the id of a decided event.
        hinted: decided events that the network has a suggestion for now.
        stretches: that were reviewed; they do not overlap.
        duration_ms: of the video.
        has_ghosts: the ghosts are among the events.
    """
    types: dict[str, TypeTally] = {}
    verdicts: list[Verdict] = []
    where = _Reviewed(stretches)

    def judge(event: TimelineEvent, label: str, *, is_event: bool) -> None:
        if event.score is not None:
            verdicts.append(Verdict(label, event.score, is_event))

    for event in events:
        tally = types.setdefault(event.label, TypeTally())
        is_reviewed = event.time_ms in where
        is_event = event.state != "rejected" and not event.is_ghost
        if event.state == "suggested" and not is_reviewed:
            scores = tally.ghosts if event.is_ghost else tally.undecided
            scores.append(event.score or 0.0)
            continue
        tally.right += is_event
        if event.source == "model":
            label = said.get(event.id, event.label)
            judge(event, label, is_event=is_event and event.label == label)
        elif is_event and is_reviewed and event.id not in hinted:
            tally.added += 1
    reviewed_s = sum(max(end - start, 0) for start, end in stretches) / 1000
    return Tally(types, verdicts, reviewed_s, duration_ms / 1000, has_ghosts)


def order_of(
    events: Sequence[TimelineEvent], *, stretches: Stretches, calibrations: Draws
) -> list[ReviewItem]:
    """Order what is undecided by what a decision is expected to mend.

    A suggestion that is wrong is one error, and so is an event that is only a ghost;
    each decision mends it if it is there. Nearest to the threshold this is likeliest,
    on both sides. Where an event of another type lies within a second, it is taken by
    half as if only one of them could be right. Every fifth place is for one picked at
    random (by its id), so that the sure ones are tried as well: without them nobody
    would notice that the network is sure and wrong, and the estimate would go by
    nothing but its word.
    """
    where = _Reviewed(stretches)
    undecided = [
        event
        for event in events
        if event.state == "suggested" and event.time_ms not in where
    ]
    p = _probabilities(undecided, calibrations)
    neighbours = _Neighbours(events, p)
    items = [_item(event, p[event.id], neighbours) for event in undecided]
    items.sort(key=lambda item: (-item.gain, item.event.place))
    return _with_samples(items)


def _item(event: TimelineEvent, p: float, neighbours: "_Neighbours") -> ReviewItem:
    other, p_other = neighbours.rival_of(event)
    alone = p * (1 - p_other) / max(1 - p * p_other, 1e-9)
    felt = (1 - DISAGREEMENT) * p + DISAGREEMENT * alone
    if event.is_ghost:
        return ReviewItem(event, p, felt, "ghost", other)
    is_disagreement = other is not None and p - felt > (1 - p) / 2
    reason: Reason = "disagreement" if is_disagreement else "doubt"
    return ReviewItem(event, p, 1 - felt, reason, other)


def _with_samples(items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """Put one picked at random into every fifth place."""
    picks = iter(sorted(items, key=lambda item: _shuffled(item.event.id)))
    ordered = iter(items)
    taken: set[UUID] = set()
    out: list[ReviewItem] = []
    while len(out) < len(items):
        is_sample = len(out) % SAMPLE_EVERY == SAMPLE_EVERY - 1
        item = next(
            one
            for one in (picks if is_sample else ordered)
            if one.event.id not in taken
        )
        taken.add(item.event.id)
        if is_sample:
            item = ReviewItem(item.event, item.probability, item.gain, "sample")
        out.append(item)
    return out


def _shuffled(event_id: UUID) -> bytes:
    return hashlib.sha256(event_id.bytes).digest()


def _probabilities(
    events: Sequence[TimelineEvent], calibrations: Draws
) -> dict[UUID, float]:
    by_label: dict[str, list[TimelineEvent]] = {}
    for event in events:
        by_label.setdefault(event.label, []).append(event)
    found: dict[UUID, float] = {}
    for label, ones in by_label.items():
        scores = [one.score or 0.0 for one in ones]
        values = calibrations.mean_probability(label, scores).tolist()
        found.update(zip((one.id for one in ones), values, strict=True))
    return found


class _Neighbours:
    """Finds the event of another type that is likeliest beside an event."""

    def __init__(
        self, events: Sequence[TimelineEvent], p: Mapping[UUID, float]
    ) -> None:
        shown = [
            event
            for event in events
            if event.state != "rejected" and not event.is_ghost
        ]
        self._shown = sorted(shown, key=lambda event: event.place)
        self._times = [event.time_ms for event in self._shown]
        self._p = p

    def rival_of(self, event: TimelineEvent) -> tuple[UUID | None, float]:
        """Give its id and how likely it is; None and 0 without one."""
        low = bisect_left(self._times, event.time_ms - NEIGHBOUR_MS)
        high = bisect_right(self._times, event.time_ms + NEIGHBOUR_MS)
        rivals = [one for one in self._shown[low:high] if one.label != event.label]
        if not rivals:
            return None, 0.0
        best = max(rivals, key=lambda one: self._p.get(one.id, 1.0))
        return best.id, self._p.get(best.id, 1.0)


class _Reviewed:
    """Tells which moments lie in reviewed stretches."""

    def __init__(self, stretches: Stretches) -> None:
        ordered = sorted(stretches)
        self._starts = [start for start, _ in ordered]
        self._ends = [end for _, end in ordered]

    def __contains__(self, time_ms: int) -> bool:
        at = bisect_right(self._starts, time_ms) - 1
        return at >= 0 and time_ms < self._ends[at]
