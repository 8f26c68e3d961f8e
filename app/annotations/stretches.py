"""Stretches of time, as sets: pure."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch that somebody reviewed: from_ms included, to_ms not."""

    from_ms: int
    to_ms: int
    author: str
    created_at: datetime


def union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that overlap or touch; empty ones are dropped; in order of time."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def difference(
    spans: Iterable[tuple[int, int]], without: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Take out of spans what others cover."""
    holes = union(without)
    left: list[tuple[int, int]] = []
    passed = 0  # holes that end before the span begins
    for span_start, end in union(spans):
        start = span_start
        while passed < len(holes) and holes[passed][1] <= start:
            passed += 1
        for index in range(passed, len(holes)):
            hole_start, hole_end = holes[index]
            if hole_start >= end:
                break
            if start < hole_start:
                left.append((start, hole_start))
            start = hole_end
        if start < end:
            left.append((start, end))
    return left


def set_to(
    before: Sequence[Stretch],
    wanted: Iterable[tuple[int, int]],
    *,
    author: str,
    now: datetime,
    changes: Iterable[datetime] = (),
) -> list[Stretch]:
    """Make exactly these spans reviewed.

    What was reviewed before stays whose it was; what is new is the author's.

    Args:
        before: what is reviewed.
        wanted: from and to, in ms.
        author: of what is new.
        now: when.
        changes: when other suggestions began to be shown: a stretch from before such a
            moment and one from after it stay two.
    """
    spans = union(wanted)
    ends = [end for _, end in spans]
    covered = [(one.from_ms, one.to_ms) for one in before]
    kept = [
        Stretch(start, end, one.author, one.created_at)
        for one in before
        for start, end in _intersection((one.from_ms, one.to_ms), spans, ends)
    ]
    new = [
        Stretch(start, end, author, now) for start, end in difference(spans, covered)
    ]
    in_order = sorted([*kept, *new], key=lambda one: one.from_ms)
    return _joined(in_order, list(changes))


def _intersection(
    span: tuple[int, int], spans: Sequence[tuple[int, int]], ends: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Cut a span to others, which are in order of time; `ends` are theirs."""
    for index in range(bisect_right(ends, span[0]), len(spans)):
        start, end = spans[index]
        if start >= span[1]:
            return
        yield max(span[0], start), min(span[1], end)


def _joined(stretches: Iterable[Stretch], changes: Sequence[datetime]) -> list[Stretch]:
    """Join neighbours of one author who has seen the same suggestions in both.

    The joined one is as old as its newest part.
    """
    joined: list[Stretch] = []
    for one in stretches:
        last = joined[-1] if joined else None
        if (
            last
            and (last.to_ms, last.author) == (one.from_ms, one.author)
            and not _is_between(last, one, changes)
        ):
            created_at = max(last.created_at, one.created_at)
            joined[-1] = Stretch(last.from_ms, one.to_ms, one.author, created_at)
        else:
            joined.append(one)
    return joined


def _is_between(one: Stretch, other: Stretch, changes: Iterable[datetime]) -> bool:
    first, last = sorted((one.created_at, other.created_at))
    return any(first < moment <= last for moment in changes)
