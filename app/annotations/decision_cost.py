"""How long a decision takes: measured from the log, else stated."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

# Two seconds of video, a look and a key (docs/review.md); until it is measured.
STATED_S = 4.0
FEWEST = 20  # decisions in a row that a measure needs
PAUSE = timedelta(seconds=60)  # who did nothing for so long did something else

CostSource = Literal["measured", "asked", "stated"]


@dataclass(frozen=True, slots=True)
class Decided:
    """One step that decided one event."""

    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds a decision takes, and how that is known."""

    seconds: float
    source: CostSource


def decision_cost(steps: Iterable[Decided], *, asked_s: float | None) -> Cost:
    """Choose what is asked for, else what was measured, else what is stated.

    Measured: the median time between one author's decisions that follow each other
    within a minute, of 20 at least. It holds all there is to a decision: watching,
    thinking, keys, going on to the next.
    """
    if asked_s is not None:
        return Cost(asked_s, "asked")
    last: dict[str, datetime] = {}
    gaps: list[float] = []
    for step in sorted(steps, key=lambda step: step.at):
        before = last.get(step.author)
        if before is not None and step.at - before <= PAUSE:
            gaps.append((step.at - before).total_seconds())
        last[step.author] = step.at
    if len(gaps) < FEWEST:
        return Cost(STATED_S, "stated")
    return Cost(median(gaps), "measured")
