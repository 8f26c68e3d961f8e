"""Whether SoccerNet's `position` and `gameTime` tell the same time.

`position` is in milliseconds from the start of the half, `gameTime` in minutes and
whole seconds of it. Where they disagree, one of them is in another unit, and events
would be trained or shown in the wrong place.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from model.errors import BadAnnotations

SLACK_S = 2.0
DISAGREEING_SHARE = 0.05
ENOUGH_S = 5.0
_RATES = (10, 12, 12.5, 15, 24, 25, 30, 48, 50, 60, 100, 120)
_RATE_SLACK = 0.03


class Position(NamedTuple):
    """An event's two times.

    Attributes:
        where: in the file.
        half: of the match.
        time_s: `position` read as milliseconds.
        clock_s: `gameTime`, cut to whole seconds.
    """

    where: str
    half: int
    time_s: float
    clock_s: float


def check_positions(positions: Sequence[Position]) -> list[str]:
    """Compare both times; return what the user should know.

    A `gameTime` that runs on from the first half is allowed: it differs from
    `position` by the same seconds in all of a half.

    Raises:
        BadAnnotations: they disagree in more than a few events; the message says
            which unit it looks like.
    """
    notes: list[str] = []
    off = []
    for half in sorted({one.half for one in positions}):
        mine = [one for one in positions if one.half == half]
        shift_s = median(one.clock_s - one.time_s for one in mine)
        apart = [one for one in mine if abs(one.clock_s - one.time_s) > SLACK_S]
        shifted = [one for one in mine if _is_off(one, shift_s)]
        if len(apart) > len(shifted) and len(mine) > 1 and _is_shift(mine, shifted):
            notes.append(
                f"gameTime of half {half} is {shift_s:.0f} s ahead of position in "
                "every event; position is taken"
            )
            apart = shifted
        off += apart
    if not off:
        return notes
    first = off[0]
    text = (
        f"position and gameTime disagree in {len(off)} of {len(positions)} events, the "
        f"first is {first.where}: {first.time_s * 1000:.0f} at "
        f"{first.clock_s // 60:02.0f}:{first.clock_s % 60:02.0f}"
    )
    few = max(1.0, DISAGREEING_SHARE * len(positions))
    if len(off) > few or len(off) == len(positions):
        raise BadAnnotations(f"{text}. {_unit_of(positions)}")
    return [*notes, f"{text}; position is taken"]


def _is_off(one: Position, shift_s: float) -> bool:
    return abs(one.clock_s - one.time_s - shift_s) > SLACK_S


def _is_shift(mine: Sequence[Position], shifted: Sequence[Position]) -> bool:
    """Whether one shift explains a half whose events spread over some time."""
    spread_s = max(one.clock_s for one in mine) - min(one.clock_s for one in mine)
    return not shifted and spread_s > 2 * SLACK_S


def _unit_of(positions: Sequence[Position]) -> str:
    """Say what `position` seems to count."""
    wanted = "It must be milliseconds from the start of the half."
    late = [one for one in positions if one.clock_s >= ENOUGH_S]
    if not late:
        return wanted
    # Seconds are cut off, so the true time is half a second later on average.
    per_s = median(one.time_s * 1000 / (one.clock_s + 0.5) for one in late)
    if abs(per_s - 1) < 0.2:
        return f"position looks like seconds. {wanted}"
    if not (math.isfinite(per_s) and per_s > 0):
        return wanted
    rate = min(_RATES, key=lambda rate: abs(rate / per_s - 1))
    if abs(rate / per_s - 1) < _RATE_SLACK:
        return f"position looks like frame numbers at {rate:g} a second. {wanted}"
    if abs(per_s / 1e6 - 1) < 0.1:
        return f"position looks like microseconds. {wanted}"
    if abs(1000 / per_s - 1) > 0.1:
        return (
            f"gameTime runs {1000 / per_s:.2g} times as fast as position in "
            f"milliseconds. {wanted}"
        )
    return wanted
