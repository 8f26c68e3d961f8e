"""Split matches into train, val and test, whole matches only.

A split by event would put the same match on both sides and measure memorisation. Of one
or two matches far-apart stretches are split (`stretch_splits`), and the split says so.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from model.data.formats.provenance import Span, cut_spans
from model.data.labels import Match, label_names
from model.errors import BadAnnotations

PARTS = ("train", "val", "test")
SHARES = (0.70, 0.15, 0.15)
TRIALS = 2000


@dataclass(frozen=True, slots=True)
class Split:
    """Which match belongs to which part, by name.

    Attributes:
        parts: names of matches by part.
        stretches: of a part, by the match's name, the stretches that belong to it, in
            seconds; a match that is not named belongs to it whole. Only so may a
            match be in several parts.
        note: what users should know of the split.
    """

    parts: Mapping[str, tuple[str, ...]]
    stretches: Mapping[str, Mapping[str, tuple[Span, ...]]] = field(
        default_factory=dict
    )
    note: str = ""

    def to_json(self) -> str:
        """Give the content of its file."""
        raw: dict[str, Any] = {"format": "touchline-split", "parts": dict(self.parts)}
        if self.stretches:
            raw["stretches"] = {part: dict(of) for part, of in self.stretches.items()}
        if self.note:
            raw["note"] = self.note
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
        of_part = self.stretches.get(part, {})
        taken = (by_name[name] for name in self.parts[part])
        return [
            replace(match, labels=match.labels.within(of_part[match.name]))
            if match.name in of_part
            else match
            for match in taken
        ]


def read_split(path: Path) -> Split:
    """Read a split.

    Raises:
        BadAnnotations: not a split, or a match stands in two parts.
    """
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        parts = {name: tuple(map(str, raw["parts"][name])) for name in PARTS}
        stretches = {
            part: {str(name): tuple(map(_span_of, spans)) for name, spans in of.items()}
            for part, of in (raw.get("stretches") or {}).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise BadAnnotations(
            f"{path} is no split file (make one with `touchline data split`): {exc}"
        ) from exc
    placed = [(name, part) for part, names in parts.items() for name in names]
    whole = {name for name, part in placed if name not in stretches.get(part, {})}
    names = [name for name, _ in placed]
    twice = sorted(name for name in whole if names.count(name) > 1)
    if twice:
        raise BadAnnotations(f"{path}: in two parts: {twice}. A match may be in one.")
    _refuse_overlaps(path, stretches)
    return Split(parts, stretches, str(raw.get("note") or ""))


def _span_of(raw: Any) -> Span:
    start_s, end_s = map(float, raw)
    if not 0 <= start_s < end_s:
        raise ValueError(f"no stretch: {raw!r}")
    return start_s, end_s


def _refuse_overlaps(
    path: Path, stretches: Mapping[str, Mapping[str, tuple[Span, ...]]]
) -> None:
    for one, other in combinations(stretches, 2):
        for name in stretches[one].keys() & stretches[other].keys():
            if cut_spans(stretches[one][name], stretches[other][name]):
                raise BadAnnotations(
                    f"{path}: stretches of {name} are in {one} and in {other}."
                )


def split_matches(
    matches: Sequence[Match],
    *,
    shares: tuple[float, float, float] = SHARES,
    seed: int = 0,
) -> Split:
    """Split by match, each part with its share of every label's events.

    Of many shuffles the one is taken whose parts come nearest to their shares of
    each label and of the matches; the same seed gives the same split. A part whose
    share is 0 gets nothing.

    Raises:
        BadAnnotations: fewer matches than parts.
    """
    wanted = {part: one for part, one in zip(PARTS, shares, strict=True) if one}
    if len(matches) < len(wanted):
        raise BadAnnotations(
            f"{len(matches)} matches cannot be split in {len(wanted)}: label more "
            "matches, or name the folders of train and val in the config."
        )
    pieces = _partition(matches, np.array([*wanted.values()]) / sum(shares), seed=seed)
    names: dict[str, tuple[str, ...]] = dict.fromkeys(PARTS, ())
    for part, piece in zip(wanted, pieces, strict=True):
        names[part] = tuple(sorted(match.name for match in piece))
    return Split(names)


def extend_split(
    split: Split,
    matches: Sequence[Match],
    *,
    shares: tuple[float, float, float] = SHARES,
    seed: int = 0,
) -> Split:
    """Add new matches to a split; those that are in it stay where they are.

    Of many ways to place the new ones the one is taken whose parts come nearest to
    their shares.

    Raises:
        BadAnnotations: a match of the split is not there.
    """
    old = [split.take(matches, part) for part in PARTS]
    known = {name for part in PARTS for name in split.parts[part]}
    new = [match for match in matches if match.name not in known]
    if not new:
        return split
    wanted = np.array(shares) / sum(shares)
    sizes = _sizes_of_new([len(piece) for piece in old], len(new), wanted)
    pieces = _partition(new, wanted, sizes=sizes, beside=old, seed=seed)
    return Split(
        {
            part: tuple(sorted([*split.parts[part], *(match.name for match in piece)]))
            for part, piece in zip(PARTS, pieces, strict=True)
        }
    )


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
    sizes: Sequence[int] | None = None,
    beside: Sequence[Sequence[Match]] = (),
) -> list[list[Match]]:
    """Divide matches into parts of the wanted shares, which add to one.

    Args:
        matches: to divide.
        wanted: shares.
        seed: of the shuffles.
        sizes: matches in each part; None goes by the shares.
        beside: what the parts hold already, which counts towards their shares.
    """
    held = [list(piece) for piece in beside] or [[] for _ in wanted]
    labels = label_names([*matches, *(match for piece in held for match in piece)])
    counts = np.array([[*_counts(match, labels), 1] for match in matches], float)
    had = np.array([_sums(piece, labels) for piece in held])
    total = counts.sum(axis=0) + had.sum(axis=0)
    sizes = _sizes(len(matches), wanted) if sizes is None else sizes
    rng = np.random.default_rng(seed)
    best: list[Any] = []
    lowest = np.inf
    for _ in range(TRIALS):
        pieces = np.split(rng.permutation(len(matches)), np.cumsum(sizes)[:-1])
        got = had + np.array([counts[piece].sum(axis=0) for piece in pieces])
        off = got / total - wanted[:, None]
        loss = float(np.square(off).sum())
        if loss < lowest:
            best, lowest = pieces, loss
    return [[matches[index] for index in sorted(piece)] for piece in best]


def _counts(match: Match, labels: Sequence[str]) -> list[int]:
    found = [event.label for event in match.labels.events]
    return [found.count(label) for label in labels]


def _sums(
    matches: Sequence[Match], labels: Sequence[str]
) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Count the events of each label in matches, and the matches."""
    sums = np.zeros(len(labels) + 1)
    for match in matches:
        sums += [*_counts(match, labels), 1]
    return sums


def _sizes_of_new(
    held: Sequence[int], count: int, wanted: "np.ndarray[Any, np.dtype[np.float64]]"
) -> list[int]:
    """Give each new match to the part that is furthest below its share."""
    sizes = np.zeros(len(wanted), int)
    total = sum(held) + count
    for _ in range(count):
        missing = wanted * total - np.array(held) - sizes
        sizes[int(missing.argmax())] += 1
    return [int(size) for size in sizes]


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
