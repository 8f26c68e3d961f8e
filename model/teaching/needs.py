"""What more events of a type would bring, from learning curves.

The error 1 - AP of a type falls about as a power of its training events. The power is
fitted to a head trained on a part, a half and all of the training stretches. How sure
it is, draws of the hold-out tell; that another draw of the training stretches would
give another curve, they do not tell.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_MORE = 10
LEAST_ERROR = 0.005
STEEPEST = 1.0
"""No steeper than the error of a mean over independent events."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A head trained on a share of the training stretches.

    Attributes:
        share: of the training stretches.
        events: by type, in these stretches.
        ap: by type, (1 + draws,): on the whole hold-out, then on draws of it.
    """

    share: float
    events: Mapping[str, int]
    ap: Mapping[str, Floats]


def needs_of(
    points: Sequence[CurvePoint],
    labels: Sequence[str],
    *,
    few: int,
    held_out: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Say for each type what half as many events more would bring, the best first.

    Args:
        points: of the curve, from the smallest share to all.
        labels: the types that are taught.
        few: with fewer events on the hold-out a type cannot be judged.
        held_out: events of each type there.

    Returns:
        By type: `type`, `more` events, `gain` of AP with `low` and `high` (None where
        it cannot be told), `text`.
    """
    found = [_need(points, label, few, held_out.get(label, 0)) for label in labels]
    return sorted(found, key=lambda need: -(need["gain"] or 0.0))


def _need(
    points: Sequence[CurvePoint], label: str, few: int, held_out: int
) -> dict[str, Any]:
    now = points[-1].events.get(label, 0)
    more = max(FEWEST_MORE, round(now / 2))
    unknown = {"type": label, "more": more, "gain": None, "low": None, "high": None}
    if held_out < few:
        text = (
            f"What more events of {label} would bring cannot be told: {held_out} of "
            f"them are held out, and it takes {few} to judge."
        )
        return {**unknown, "text": text}
    counts = np.array([point.events.get(label, 0) for point in points], float)
    used = counts > 0
    if used.sum() < 2:
        text = (
            f"What more events of {label} would bring cannot be told: too few are "
            "learned from to draw a curve."
        )
        return {**unknown, "text": text}
    aps = np.stack(
        [point.ap[label] for point, u in zip(points, used, strict=True) if u]
    )
    gains = gain_of(counts[used], aps, more=more)
    gain = float(gains[0])
    known = gains[1:][~np.isnan(gains[1:])]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (math.nan,) * 2
    text = _text(label, more, gain, float(low), float(high))
    found = {"gain": gain, "low": float(low), "high": float(high)}
    return {**unknown, **{k: round(v, 4) for k, v in found.items()}, "text": text}


def gain_of(events: Floats, ap: Floats, *, more: float) -> Floats:
    """Predict what more events bring.

    Args:
        events: (P,) of the points of a curve, rising; P >= 2.
        ap: (P, N) of N curves.
        more: events more than the last point has.

    Returns:
        (N,) the gain of AP; never below 0, NaN where a point is.
    """
    error = np.maximum(1 - ap, LEAST_ERROR)
    x = np.log(events)[:, None]
    y = np.log(error)
    dx = x - x.mean(axis=0)
    spread = (dx**2).sum(axis=0)
    if not spread.all():
        return np.where(np.isnan(ap[-1]), np.nan, 0.0)
    slope = (dx * (y - y.mean(axis=0))).sum(axis=0) / spread
    slope = np.clip(slope, -STEEPEST, 0.0)
    last = y.mean(axis=0) + slope * dx[-1]
    ahead = slope * math.log((events[-1] + more) / events[-1])
    gain: Floats = np.exp(last) - np.exp(last + ahead)
    return gain


def _text(label: str, more: int, gain: float, low: float, high: float) -> str:
    span = f"between {low:.2f} and {high:.2f}"
    if gain < LEAST_ERROR or low <= 0:
        return (
            f"{more} more events of {label} would hardly help: no gain of average "
            f"precision is seen (about {gain:.2f}, likely {span})."
        )
    return (
        f"{more} more events of {label} would help: average precision would rise by "
        f"about {gain:.2f} (likely {span})."
    )
