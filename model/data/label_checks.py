"""Checks of label times alone: rounding, near duplicates, gaps."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from model.data.labels import Event

# So many events are not whole seconds by chance.
ENOUGH_EVENTS = 10
ROUNDED_SHARE = 0.8
ROUNDED_S = 0.002
# Of one label, closer than this: two labellers, or one who pressed twice.
NEAR_S = 0.1
# A stretch without an event is suspicious if it is long, and so many times the usual.
LONG_GAP_S, LONG_GAP_TIMES = 60.0, 15.0


# Of people's labels, events closer than this on average are in another unit.
DENSE_S = 0.1
FEW_EVENTS = 5
EDGE_S = 0.002
# Of the video, labels in the right unit reach at least so far.
REACHED_SHARE = 0.3


def unit_hint(
    events: Sequence[Event], *, duration_s: float | None, fps: float | None
) -> str | None:
    """Say which unit times look like that are not seconds; None if they may be.

    Args:
        events: by time.
        duration_s: of the video; None if unknown.
        fps: of the video; None if unknown.
    """
    if not events:
        return None
    last_s = events[-1].time_s
    if duration_s is not None and last_s > duration_s + EDGE_S:
        return _unit_of_late(last_s, duration_s, fps)
    gaps = [later.time_s - earlier.time_s for earlier, later in pairwise(events)]
    if len(events) < FEW_EVENTS or median(gaps) >= DENSE_S:
        return None
    if duration_s is None or last_s * 1000 <= duration_s + EDGE_S:
        return "seconds that were read as milliseconds"
    if fps and last_s * 1000 / fps <= duration_s + EDGE_S:
        return f"frame numbers at {fps:g} a second that were read as milliseconds"
    return None


def _unit_of_late(last_s: float, duration_s: float, fps: float | None) -> str | None:
    units = {"milliseconds that were read as seconds": 1000.0}
    if fps:
        units[f"frame numbers at {fps:g} a second that were read as seconds"] = fps
    for text, per_s in units.items():
        if REACHED_SHARE * duration_s <= last_s / per_s <= duration_s + EDGE_S:
            return text
    return None


def is_rounded(events: Sequence[Event]) -> bool:
    """Return whether most times are whole seconds, which does not happen by chance."""
    if len(events) < ENOUGH_EVENTS:
        return False
    whole = sum(abs(e.time_s - round(e.time_s)) < ROUNDED_S for e in events)
    return whole >= ROUNDED_SHARE * len(events)


def near_duplicates(events: Sequence[Event]) -> list[float]:
    """List when events come that follow one of their label too soon.

    Events at the very same time are not among them.
    """
    latest: dict[str, float] = {}
    near = []
    for event in events:
        before_s = latest.get(event.label)
        if before_s is not None and 0 < event.time_s - before_s < NEAR_S:
            near.append(event.time_s)
        latest[event.label] = event.time_s
    return near


def long_gap(
    events: Sequence[Event], *, duration_s: float | None
) -> tuple[float, float] | None:
    """Find the longest stretch without an event, if it is a suspicious one."""
    times = [event.time_s for event in events]
    if len(times) < ENOUGH_EVENTS:
        return None
    usual_s = median(later - earlier for earlier, later in pairwise(times))
    edges = [0.0, *times, max(times[-1], duration_s or 0.0)]
    longest = max(pairwise(edges), key=lambda gap: gap[1] - gap[0])
    is_suspicious = longest[1] - longest[0] > max(LONG_GAP_S, LONG_GAP_TIMES * usual_s)
    return longest if is_suspicious else None
