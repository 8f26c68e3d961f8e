"""How good a timeline is now, from what was decided so far, and how sure that is.

NumPy only; knows nothing of rows. What is estimated is the timeline as it is shown:
every event but rejected ones and ghosts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.annotations.calibration import Draws, Floats, Verdict, draw_calibrations

DRAWS = 1000
INTERVAL = (0.025, 0.975)
SEED = 0  # the same timeline has the same estimate

# Events without even a ghost, as a share of all, before anybody looked for them.
SILENT_SHARE = 0.05
SILENT_SHARE_WITHOUT_GHOSTS = 0.25
SILENT_WEIGHT = 0.25  # events that this belief is worth

Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class TypeTally:
    """What is known of one type of event in a video.

    Attributes:
        right: events of the timeline that a person decided, or left in a reviewed
            stretch.
        undecided: scores of the other events of the timeline.
        ghosts: scores of the ghosts that nobody has decided.
        added: events in reviewed stretches that the network did not even hint at.
    """

    right: int = 0
    undecided: list[float] = field(default_factory=list)
    ghosts: list[float] = field(default_factory=list)
    added: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of a video.

    Attributes:
        types: by label.
        verdicts: what people said of suggestions.
        reviewed_s: seconds in which everything was looked at.
        duration_s: of the video.
        has_ghosts: the ghosts are known.
    """

    types: Mapping[str, TypeTally]
    verdicts: Sequence[Verdict]
    reviewed_s: float
    duration_s: float
    has_ghosts: bool = True

    @property
    def labels(self) -> tuple[str, ...]:
        """Name every type, those of verdicts as well."""
        return tuple(sorted({*self.types, *(one.label for one in self.verdicts)}))


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is not known exactly: the median, and where 95% lies."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the timeline is, of one type or of all.

    Attributes:
        precision: share of the timeline's events that are right; None without any.
        recall: share of what happened that is in the timeline; None if nothing did.
        events: in the timeline.
        decided: of them, by a person.
    """

    precision: Range | None
    recall: Range | None
    events: int
    decided: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """Quality overall and by type, and the calibrations behind it."""

    overall: Quality
    types: Mapping[str, Quality]
    draws: Draws


def estimate_quality(tally: Tally, *, draws: int = DRAWS) -> Estimate:
    """Estimate precision and recall, with 95% intervals.

    What people decided is taken as right. Whether an undecided suggestion is an event
    follows from its score, calibrated on this video's verdicts (`draw_calibrations`).
    Events that are missing are of two kinds: undecided ghosts, calibrated likewise;
    and silent ones, without a ghost. Of these a Gamma belief in their rate (shape 0.25;
    mean 5% of the type's events, 25% if ghosts are not known) is updated by those that
    were added in reviewed stretches over the length of these, and what lies outside
    is Poisson. In each of `draws` draws of all this the true events are counted
    (binomial), and with them precision and recall. Value: the median; interval: from
    the 2.5% to the 97.5% quantile.
    """
    rng = np.random.default_rng(SEED)
    calibrations = draw_calibrations(tally.verdicts, tally.labels, draws=draws, rng=rng)
    counts = {label: _count(tally, label, calibrations, rng) for label in tally.labels}
    types = {label: one.quality() for label, one in counts.items()}
    overall = _Counts.of_all(list(counts.values()), draws)
    return Estimate(overall.quality(), types, calibrations)


def decisions_to_target(
    tally: Tally,
    order: Iterable[tuple[str, float, bool]],
    calibrations: Draws,
    *,
    target: float,
    most_draws: int = 200,
) -> Range | None:
    """Estimate how many decisions it takes until the precision reaches a target.

    In each calibration the precision that is to be expected after each decision of
    the order: a suggestion that is no event goes, a ghost that is one comes in.

    Args:
        order: label, score and whether it is a ghost, of what is to be decided.
        target: the precision, in (0, 1].

    Returns:
        The number of decisions; None if even after all of them it is not to be
        expected (because what is to be decided leaves suggestions out).
    """
    steps = list(order)
    right = sum(one.right for one in tally.types.values())
    undecided = [
        (label, score) for label, one in tally.types.items() for score in one.undecided
    ]
    p = _matrix(calibrations, [(label, score) for label, score, _ in steps], most_draws)
    rest = _matrix(calibrations, undecided, most_draws).sum(axis=1)
    is_ghost = np.array([ghost for *_, ghost in steps], dtype=bool)
    # Before the first decision and after each one: (draws, steps + 1).
    true = right + rest[:, None] + _running(np.where(is_ghost, p, 0.0))
    shown = right + len(undecided) + _running(np.where(is_ghost, p, p - 1))
    reached = true >= target * shown - 1e-9
    needed = np.where(reached.any(axis=1), reached.argmax(axis=1), len(steps) + 1)
    value = float(np.median(needed))
    if value > len(steps):
        return None
    low, high = np.quantile(needed, INTERVAL)
    return Range(value, float(low), float(min(high, len(steps))))


@dataclass(frozen=True, slots=True)
class _Counts:
    """Events by draw: (n,) each."""

    shown: int
    decided: int
    right: npt.NDArray[np.int64]  # in the timeline
    missing: npt.NDArray[np.int64]

    @classmethod
    def of_all(cls, parts: Sequence["_Counts"], draws: int) -> "_Counts":
        none = np.zeros(draws, dtype=np.int64)
        return cls(
            sum(one.shown for one in parts),
            sum(one.decided for one in parts),
            sum((one.right for one in parts), none),
            sum((one.missing for one in parts), none),
        )

    def quality(self) -> Quality:
        happened = self.right + self.missing
        return Quality(
            precision=_range(self.right / self.shown) if self.shown else None,
            recall=_range(_ratio(self.right, happened)) if happened.any() else None,
            events=self.shown,
            decided=self.decided,
        )


def _count(
    tally: Tally, label: str, calibrations: Draws, rng: np.random.Generator
) -> _Counts:
    one = tally.types.get(label, TypeTally())
    undecided = _hits(calibrations, label, one.undecided, rng)
    ghosts = _hits(calibrations, label, one.ghosts, rng)
    silent = _silent(tally, one, one.right + undecided + ghosts, rng)
    return _Counts(
        shown=one.right + len(one.undecided),
        decided=one.right,
        right=one.right + undecided,
        missing=ghosts + silent,
    )


def _hits(
    calibrations: Draws, label: str, scores: Sequence[float], rng: np.random.Generator
) -> Ints:
    """Draw how many suggestions are events; scores within 0.01 count as one."""
    places, counts = np.unique(np.round(scores, 2), return_counts=True)
    p = calibrations.probabilities(label, places)
    return np.asarray(rng.binomial(counts, p).sum(axis=1), dtype=np.int64)


def _silent(
    tally: Tally, one: TypeTally, events: Ints, rng: np.random.Generator
) -> Ints:
    """Draw how many events without a hint lie outside the reviewed stretches."""
    share = SILENT_SHARE if tally.has_ghosts else SILENT_SHARE_WITHOUT_GHOSTS
    duration_s = max(tally.duration_s, 1e-9)
    reviewed_s = min(max(tally.reviewed_s, 0.0), duration_s)
    expected_rate = share * np.maximum(events, 1) / duration_s
    rate = rng.gamma(
        SILENT_WEIGHT + one.added,
        1 / (SILENT_WEIGHT / expected_rate + reviewed_s),
    )
    return np.asarray(rng.poisson(rate * (duration_s - reviewed_s)), dtype=np.int64)


def _matrix(
    calibrations: Draws, scored: Sequence[tuple[str, float]], most_draws: int
) -> Floats:
    """Give the probabilities of suggestions of several types, (draws, S)."""
    few = Draws(
        {label: one[:most_draws] for label, one in calibrations.shift.items()},
        calibrations.slope[:most_draws],
    )
    out = np.zeros((len(few.slope), len(scored)))
    labels = np.array([label for label, _ in scored], dtype=np.str_)
    scores = np.array([score for _, score in scored], dtype=np.float64)
    for label in set(labels.tolist()):
        here = labels == label
        out[:, here] = few.probabilities(label, scores[here])
    return out


def _running(changes: Floats) -> Floats:
    """Sum up along the order, from nothing at all: (draws, steps + 1)."""
    return np.pad(changes.cumsum(axis=1), ((0, 0), (1, 0)))


def _ratio(part: Ints, whole: Ints) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), 1.0)


def _range(values: Floats) -> Range:
    low, middle, high = np.quantile(values, (INTERVAL[0], 0.5, INTERVAL[1]))
    return Range(float(middle), float(low), float(high))
