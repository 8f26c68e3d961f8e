"""Split matches into train, val and test, whole matches only.

A split by event would put the same match on both sides and measure memorisation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.data.labels import Match, label_names
from model.errors import BadAnnotations

PARTS = ("train", "val", "test")
SHARES = (0.70, 0.15, 0.15)
TRIALS = 2000


@dataclass(frozen=True, slots=True)
class Split:
    """Which match belongs to which part, by name."""

    parts: Mapping[str, tuple[str, ...]]

    def to_json(self) -> str:
        """Give the content of its file."""
        raw = {"format": "touchline-split", "parts": dict(self.parts)}
        return json.dumps(raw, indent=2) + "\n"

    def take(self, matches: Iterable[Match], part: str) -> list[Match]:
        """Pick the matches of one part.

        Raises:
            BadAnnotations: a match of that part is not there.
        """
        by_name = {match.name: match for match in matches}
        missing = [name for name in self.parts[part] if name not in by_name]
        if missing:
            raise BadAnnotations(f"the split's {part} names absent matches {missing}")
        return [by_name[name] for name in self.parts[part]]


def read_split(path: Path) -> Split:
    """Read a split.

    Raises:
        BadAnnotations: not a split, or a match stands in two parts.
    """
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        parts = {name: tuple(map(str, raw["parts"][name])) for name in PARTS}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BadAnnotations(
            f"{path} is no split file (make one with `touchline data split`): {exc}"
        ) from exc
    names = [name for part in parts.values() for name in part]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadAnnotations(f"{path}: in two parts: {twice}. A match may be in one.")
    return Split(parts)


def split_matches(
    matches: Sequence[Match],
    *,
    shares: tuple[float, float, float] = SHARES,
    seed: int = 0,
) -> Split:
    """Split by match, each part with its share of every label's events.

    Of many shuffles the one is taken whose parts come nearest to their shares of
    each label and of the matches; the same seed gives the same split.

    Raises:
        BadAnnotations: fewer than three matches.
    """
    if len(matches) < len(PARTS):
        raise BadAnnotations(
            f"{len(matches)} matches cannot be split in three: label more matches, or "
            "name the folders of train and val in the config."
        )
    pieces = _partition(matches, np.array(shares) / sum(shares), seed=seed)
    names = (tuple(sorted(match.name for match in piece)) for piece in pieces)
    return Split(dict(zip(PARTS, names, strict=True)))


def assign_folds(
    matches: Sequence[Match], count: int, *, seed: int = 0
) -> list[list[Match]]:
    """Divide matches into folds, each with its share of every label's events.

    Raises:
        BadAnnotations: fewer than two folds, or fewer matches than folds.
    """
    if not 2 <= count <= len(matches):
        raise BadAnnotations(
            f"{len(matches)} matches cannot make {count} folds: there must be two at "
            "least, and a match for each."
        )
    return _partition(matches, np.full(count, 1 / count), seed=seed)


def _partition(
    matches: Sequence[Match],
    wanted: "np.ndarray[Any, np.dtype[np.float64]]",
    *,
    seed: int,
) -> list[list[Match]]:
    """Divide matches into parts of the wanted shares, which add to one."""
    labels = label_names(matches)
    counts = np.array([[*_counts(match, labels), 1] for match in matches], float)
    sizes = _sizes(len(matches), wanted)
    rng = np.random.default_rng(seed)
    best: list[Any] = []
    lowest = np.inf
    for _ in range(TRIALS):
        pieces = np.split(rng.permutation(len(matches)), np.cumsum(sizes)[:-1])
        got = np.array([counts[piece].sum(axis=0) for piece in pieces])
        off = got / counts.sum(axis=0) - wanted[:, None]
        loss = float(np.square(off).sum())
        if loss < lowest:
            best, lowest = pieces, loss
    return [[matches[index] for index in sorted(piece)] for piece in best]


def _counts(match: Match, labels: Sequence[str]) -> list[int]:
    found = [event.label for event in match.labels.events]
    return [found.count(label) for label in labels]


def _sizes(count: int, wanted: "np.ndarray[Any, np.dtype[np.float64]]") -> list[int]:
    """Distribute whole matches, at least one to each part.

    What is left after rounding down goes to the parts that lost most by it.
    """
    exact = wanted * count
    sizes = np.maximum(1, np.floor(exact).astype(int))
    while sizes.sum() != count:
        step = 1 if sizes.sum() < count else -1
        lost = np.where(sizes + step >= 1, (exact - sizes) * step, -np.inf)
        sizes[int(lost.argmax())] += step
    return [int(size) for size in sizes]
