"""The footage of an experiment: what can be reviewed, and what is measured on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import av

from benchmarks.teaching.drawing import draw_matches
from benchmarks.teaching.measure import Kept
from benchmarks.teaching.stretches import Stretch, by_team, stretches_of
from benchmarks.windows import trunk_features
from model.checkpoint.library import find_checkpoint
from model.data.labels import Match
from model.data.matches import find_matches
from model.spotting.predictor import EnginePredictor, load_predictor

MATCH_MINUTES, SPORT_MATCHES = 2, 10
FEW_EVENTS = 50  # of a type with fewer on the test matches the mean knows nothing


@dataclass(frozen=True)
class Footage:
    """Footage, with the features that the base's trunk has of it.

    Attributes:
        name: of the experiment's footage, `arena` or `sport`.
        pool: matches of which stretches are reviewed.
        test: matches to measure on, of which nothing is reviewed.
        features: folder that the base's features are kept in.
        base: the checkpoint whose trunk it is.
    """

    name: str
    pool: Sequence[Match]
    test: Sequence[Match]
    features: Path
    base: Path

    @cached_property
    def kept(self) -> Mapping[str, Kept]:
        """Give the base's features of each match, as `pool/NAME` or `test/NAME`."""
        predictor = load_predictor(self.base, engine="openvino", threads=1)
        assert isinstance(predictor, EnginePredictor)
        return {
            f"{part}/{match.name}": trunk_features(
                predictor, match, self.features / part
            )
            for part in ("test", "pool")
            for match in self.matches(part)
        }

    @cached_property
    def stretches(self) -> list[Stretch]:
        """Divide the pool."""
        found = []
        for match in self.pool:
            time_s = self.kept[f"pool/{match.name}"]["time_s"]
            duration_s = 2 * float(time_s[-1]) - float(time_s[-2])
            found += stretches_of(match, duration_s)
        return found

    @property
    def minutes(self) -> float:
        """Say how much there is to review."""
        return sum(one.minutes for one in self.stretches)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Name the types of the test matches, by name."""
        return tuple(sorted({e.label for m in self.test for e in m.labels.events}))

    @cached_property
    def types_that_count(self) -> tuple[str, ...]:
        """Name the types that a mean is taken over."""
        events = [e.label for m in self.test for e in m.labels.events]
        return tuple(one for one in self.types if events.count(one) >= FEW_EVENTS)

    def matches(self, part: str) -> Sequence[Match]:
        """Give the matches of the pool or of the test."""
        return self.test if part == "test" else self.pool


def arena(folder: Path, runs: Path, model: str, *, minutes: float) -> Footage:
    """Take rendered five-a-side, its types split by team: so many minutes of it."""
    pool: list[Match] = []
    found_s = 0.0
    for match in find_matches(folder / "train"):
        if found_s < minutes * 60:
            pool.append(match)
            found_s += _duration_s(match)
    return Footage(
        "arena",
        [by_team(match) for match in pool],
        [by_team(match) for match in find_matches(folder / "val")],
        runs / "features" / "arena",
        find_checkpoint(model),
    )


def sport(runs: Path, model: str, *, minutes: float) -> Footage:
    """Draw the sport with the net: at most twenty minutes, and eight to measure on."""
    folder = runs / "sport"
    count = min(round(minutes / MATCH_MINUTES), SPORT_MATCHES)
    for part, matches, first_seed in (("test", 4, 100), ("pool", count, 0)):
        draw_matches(
            folder / part, matches, minutes=MATCH_MINUTES, first_seed=first_seed
        )
    return Footage(
        "sport",
        find_matches(folder / "pool")[:count],
        find_matches(folder / "test")[:4],
        runs / "features" / "sport",
        find_checkpoint(model),
    )


def _duration_s(match: Match) -> float:
    with av.open(match.video) as container:
        return (container.duration or 0) / av.time_base
