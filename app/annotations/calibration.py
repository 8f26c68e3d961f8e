"""How far the network's scores can be believed in one video, from what was decided.

NumPy only; knows nothing of rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# What is thought before anything is decided: scores are probabilities, but a network
# in a hall it has never seen may be far off, all its types together more than each.
SHIFT_SD = 1.5
SLOPE_SD = 0.6
TYPE_SHIFT_SD = 0.7

_STEP = 0.125
_SHIFTS = np.arange(-6, 6 + _STEP, _STEP)
_SLOPES = np.arange(0.0, 2.5 + _STEP / 2, _STEP)
_TYPE_SHIFTS = np.arange(-2, 2 + _STEP, _STEP)
_SUMS = np.arange(-8, 8 + _STEP, _STEP)  # of a shift and a type's
_BIN = 0.2  # logits of decided events that lie so close count as one
_LEAST, _MOST = 0.01, 0.99  # a network is never surer than that of one event


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of one suggestion.

    Attributes:
        label: the type that the network said.
        score: in [0, 1], at the checkpoint's temperature.
        is_event: it is an event of that type.
    """

    label: str
    score: float
    is_event: bool


@dataclass(frozen=True, slots=True)
class Draws:
    """Possible calibrations, as likely as they are given the verdicts.

    With n draws:

    Attributes:
        shift: (n,) by label, of the logit.
        slope: (n,) on the logit.
    """

    shift: Mapping[str, Floats]
    slope: Floats

    def probabilities(self, label: str, scores: npt.ArrayLike) -> Floats:
        """Give the probability that suggestions are events, (n, S) for S scores."""
        z = logit(scores)
        return _sigmoid(self.shift[label][:, None] + self.slope[:, None] * z[None, :])

    def mean_probability(self, label: str, scores: npt.ArrayLike) -> Floats:
        """Give the mean over the draws, (S,)."""
        z = logit(scores)
        places = np.linspace(logit(_LEAST), logit(_MOST), 200)
        curve = _sigmoid(
            self.shift[label][:, None] + self.slope[:, None] * places[None, :]
        ).mean(axis=0)
        return np.asarray(np.interp(z, places, curve), dtype=np.float64)


def draw_calibrations(
    verdicts: Iterable[Verdict],
    labels: Sequence[str],
    *,
    draws: int,
    rng: np.random.Generator,
) -> Draws:
    """Draw calibrations from their posterior.

    The probability that a suggestion of type l with score s is an event is taken as
    sigmoid(a + d_l + b logit(s)): Platt scaling with a shift a and a slope b that all
    types share, and a shift d_l of each type's own. Before any verdict a ~ N(0, 1.5²),
    b ~ N(1, 0.6²) cut to [0, 2.5], d_l ~ N(0, 0.7²) cut to [-2, 2]. The posterior is
    computed on a grid, without approximation but for its steps (0.125); draws lie
    anywhere in their cell.

    What was decided may have been chosen by its score, the doubtful first: given the
    score, being chosen says nothing about being right, so the posterior does not mind.

    Args:
        verdicts: all that was decided, of these labels.
        labels: all types there are.
        draws: how many, n.
        rng: for the draws.

    Source: J. Platt (1999), Probabilistic outputs for support vector machines;
    the hierarchical prior as in Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 5.
    """
    by_label: dict[str, list[Verdict]] = {label: [] for label in labels}
    for one in verdicts:
        by_label[one.label].append(one)
    # (shift, slope, type's shift): which sum of shifts a cell stands for.
    index = np.rint(
        (_SHIFTS[:, None] + _TYPE_SHIFTS[None, :] - _SUMS[0]) / _STEP
    ).astype(np.int64)
    prior = -0.5 * (_TYPE_SHIFTS / TYPE_SHIFT_SD) ** 2
    common = (
        -0.5 * (_SHIFTS[:, None] / SHIFT_SD) ** 2
        - 0.5 * ((_SLOPES[None, :] - 1) / SLOPE_SD) ** 2
    )
    own: dict[str, Floats] = {}
    for label, found in by_label.items():
        fit = _log_likelihood(found)  # (sums, slopes)
        own[label] = fit[index].transpose(0, 2, 1) + prior  # (shifts, slopes, types')
        common = common + np.logaddexp.reduce(own[label], axis=2)
    cell = _choose(common.ravel(), draws, rng)
    shift_at, slope_at = np.unravel_index(cell, common.shape)
    shift = _SHIFTS[shift_at] + _within(draws, rng)
    slope = _SLOPES[slope_at] + _within(draws, rng)
    shifts = {
        label: shift
        + _TYPE_SHIFTS[_choose_each(table[shift_at, slope_at], rng)]
        + _within(draws, rng)
        for label, table in own.items()
    }
    return Draws(shifts, np.maximum(slope, 0.0))


def logit(scores: npt.ArrayLike) -> Floats:
    """Give ln(s / (1 - s)), of scores that are held within [0.01, 0.99]."""
    held = np.asarray(scores, dtype=np.float64).clip(_LEAST, _MOST)
    return np.asarray(np.log(held / (1 - held)), dtype=np.float64)


def _log_likelihood(verdicts: Sequence[Verdict]) -> Floats:
    """Of a label's verdicts, (sums of shifts, slopes)."""
    if not verdicts:
        return np.zeros((len(_SUMS), len(_SLOPES)))
    z = np.round(logit([one.score for one in verdicts]) / _BIN) * _BIN
    places, where = np.unique(z, return_inverse=True)
    is_event = np.array([one.is_event for one in verdicts])
    hits = np.bincount(where, weights=is_event, minlength=len(places))
    misses = np.bincount(where, weights=~is_event, minlength=len(places))
    x = _SUMS[:, None, None] + _SLOPES[None, :, None] * places[None, None, :]
    likelihood = -hits * np.logaddexp(0, -x) - misses * np.logaddexp(0, x)
    return np.asarray(likelihood.sum(axis=2), dtype=np.float64)


def _choose(
    weights: Floats, count: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw indices by logarithms of weights."""
    shares = np.exp(weights - weights.max())
    return rng.choice(len(shares), size=count, p=shares / shares.sum())


def _choose_each(weights: Floats, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw one index of each row, by logarithms of weights."""
    shares = np.exp(weights - weights.max(axis=1, keepdims=True)).cumsum(axis=1)
    at = rng.random((len(shares), 1)) * shares[:, -1:]
    return np.asarray((shares < at).sum(axis=1), dtype=np.int64)


def _within(count: int, rng: np.random.Generator) -> Floats:
    """Place draws anywhere in their cell of the grid."""
    return rng.uniform(-_STEP / 2, _STEP / 2, count)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)
