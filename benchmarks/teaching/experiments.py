"""The experiments: each point is a data set, a training and its measure, made once."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import numpy as np

from benchmarks.teaching.choice import most_doubtful, rarest
from benchmarks.teaching.footage import Footage
from benchmarks.teaching.measure import Model, figures_of
from benchmarks.teaching.results import Results
from benchmarks.teaching.stretches import (
    STRETCH_S,
    Stretch,
    first_minutes,
    shuffled,
    write_dataset,
)
from benchmarks.teaching.work import with_suggestions, without_suggestions
from model.checkpoint.spotting_options import SpottingOptions
from model.evaluation.timed import TimedMatch
from model.spotting.timeline import Timeline

OPTIONS = "options.json"
CHANCE, DOUBT, RARE = "chance", "doubt", "rare"

Row = Mapping[str, Any]

Teach = Callable[[Path, Path, "Point"], Model]
"""Teaches a data set, with a folder for its state."""


@dataclass(frozen=True, slots=True)
class Point:
    """One training.

    Attributes:
        experiment: the name of its footage.
        start: what of the base is kept.
        choice: how the stretches were chosen.
        seed: of the choice and of the training.
        minutes: reviewed.
    """

    experiment: str
    start: str
    choice: str
    seed: int
    minutes: float

    @property
    def name(self) -> str:
        """Name its folder."""
        return "-".join(str(value) for value in asdict(self).values())


@dataclass(frozen=True)
class Lab:
    """What experiments share.

    Attributes:
        footage: to review and to measure on.
        runs: the folder of data sets and trainings.
        results: takes the rows.
        teach: the recipe.
        report: takes lines.
        recipe: which of them it is, with its steps or its budget.
        keeps_scores: of the pool, by which to choose and to suggest.
    """

    footage: Footage
    runs: Path
    results: Results
    teach: Teach
    report: Callable[[str], None]
    recipe: str = "head"
    keeps_scores: bool = True

    def learn(self, point: Point, reviewed: Sequence[Stretch]) -> dict[str, Any]:
        """Teach what is reviewed and measure it, unless that was done."""
        done = self.find(point)
        if done is not None:
            return done
        dataset = write_dataset(
            self.runs / "datasets" / point.name,
            self.footage.pool,
            reviewed,
            seed=point.seed,
        )
        started, used = monotonic(), process_time()
        folder = self.runs / "trainings" / self.recipe / point.name
        folder.mkdir(parents=True, exist_ok=True)
        model = self.teach(dataset, folder, point)
        took_s = {"took_s": monotonic() - started, "cpu_s": process_time() - used}
        row = self._key(point) | self._measured(model, point)
        row |= {name: round(value) for name, value in took_s.items()}
        row["reviewed"] = [[one.match, *one.span] for one in reviewed]
        self.results.add(row)
        self.report(
            f"{point.name}  AP {row['mean_ap']:.3f}  F1 {row['mean_f1']:.3f}  "
            f"{row['took_s']} s, {row['cpu_s']} s of processor"
        )
        return row

    def find(self, point: Point) -> dict[str, Any] | None:
        """Find a point's row; None: it has not been made."""
        return self.results.find(self._key(point))

    def _key(self, point: Point) -> dict[str, Any]:
        return asdict(point) | {"recipe": self.recipe}

    def scores_of(self, point: Point) -> tuple[list[TimedMatch], SpottingOptions]:
        """Read the scores that a point's model gave the pool, and its options."""
        folder = self._scores(point)
        raw = json.loads((folder / OPTIONS).read_text(encoding="utf-8"))
        timed = [
            TimedMatch(
                match.name,
                Timeline.from_bytes((folder / f"{match.name}.npz").read_bytes()),
                match.labels.events,
            )
            for match in self.footage.pool
        ]
        return timed, SpottingOptions.from_dict(raw)

    def _scores(self, point: Point) -> Path:
        return self.runs / "scores" / self.recipe / point.name

    def _measured(self, model: Model, point: Point) -> dict[str, Any]:
        """Measure a model on the test matches, and keep its scores of the pool."""
        footage, folder = self.footage, self._scores(point)
        folder.mkdir(parents=True, exist_ok=True)
        for match in footage.pool if self.keeps_scores else ():
            timed = model.score(match, footage.kept.get(f"pool/{match.name}"))
            (folder / f"{match.name}.npz").write_bytes(timed.timeline.to_bytes())
        text = json.dumps(model.options.to_dict())
        (folder / OPTIONS).write_text(text, encoding="utf-8")
        tested = [
            model.score(match, footage.kept.get(f"test/{match.name}"))
            for match in footage.test
        ]
        found = figures_of(tested, model.options, footage.types)
        counting = footage.types_that_count
        return {
            "ap": {name: round(value, 4) for name, value in found.ap.items()},
            "f1": {name: round(value, 4) for name, value in found.f1.items()},
            "events": dict(found.events),
            "mean_ap": float(np.mean([found.ap[name] for name in counting])),
            "mean_f1": float(np.mean([found.f1[name] for name in counting])),
        }


def learning_curve(
    lab: Lab, starts: Sequence[str], seeds: Sequence[int], minutes: Sequence[float]
) -> None:
    """Teach more and more minutes chosen by chance, one seed after the other."""
    for seed in seeds:
        order = shuffled(lab.footage.stretches, seed=seed)
        for start in starts:
            for each in minutes:
                point = Point(lab.footage.name, start, CHANCE, seed, each)
                lab.learn(point, first_minutes(order, each))


def chosen_by_model(
    lab: Lab,
    start: str,
    choice: str,
    seeds: Sequence[int],
    minutes: Sequence[float],
) -> None:
    """Begin with the first minutes of chance; then let each model choose the next."""
    for seed in seeds:
        order = shuffled(lab.footage.stretches, seed=seed)
        reviewed = first_minutes(order, minutes[0])
        point = Point(lab.footage.name, start, CHANCE, seed, minutes[0])
        lab.learn(point, reviewed)
        for each in minutes[1:]:
            more = round(each * 60 / STRETCH_S) - len(reviewed)
            left = [one for one in order if one not in reviewed]
            reviewed = [*reviewed, *_chosen(lab, point, choice, reviewed, left, more)]
            point = Point(lab.footage.name, start, choice, seed, each)
            lab.learn(point, reviewed)


def _chosen(
    lab: Lab,
    point: Point,
    choice: str,
    reviewed: Sequence[Stretch],
    left: Sequence[Stretch],
    count: int,
) -> list[Stretch]:
    timed, options = lab.scores_of(point)
    if choice == DOUBT:
        return most_doubtful(timed, options, left, count)
    known = Counter(
        event.label
        for match in lab.footage.pool
        for event in match.labels.events
        for one in reviewed
        if one.match == match.name and one.span[0] <= event.time_s < one.span[1]
    )
    return rarest(timed, options, left, count, known=known)


def work_to_review(
    lab: Lab, start: str, seeds: Sequence[int], minutes: Sequence[float]
) -> list[dict[str, Any]]:
    """Count the work that the learning curve's minutes take, both ways.

    The first minutes are labelled from nothing. What is reviewed next has the
    suggestions of the model that was taught on all before it.
    """
    matches = {match.name: match for match in lab.footage.pool}
    rows = []
    for seed in seeds:
        order = shuffled(lab.footage.stretches, seed=seed)
        plain = helped = 0.0
        before: float = 0
        for each in minutes:
            point = Point(lab.footage.name, start, CHANCE, seed, each)
            new = first_minutes(order, each)[round(before * 60 / STRETCH_S) :]
            alone = sum(without_suggestions(matches[one.match], one) for one in new)
            plain += alone
            helped += alone if not before else _helped(lab, point, before, new)
            found = lab.find(point)
            if found is None:
                break
            rows.append(
                asdict(point)
                | {"choice": "work", "f1": found["mean_f1"], "ap": found["mean_ap"]}
                | {"alone_min": plain / 60, "helped_min": helped / 60}
            )
            before = each
    return rows


def work_to(rows: Sequence[Row], target: float, column: str) -> float | None:
    """Give the minutes of work at which F1 reaches a target, in a line between rows.

    Args:
        rows: of one seed.
        target: in (0, 1].
        column: of the work.

    Returns:
        None: it is not reached, or there is no row. At most the first row's work where
        that will do.
    """
    if not rows:
        return None
    ordered = sorted(rows, key=lambda row: float(row[column]))
    for before, after in zip([ordered[0], *ordered], ordered, strict=False):
        if after["f1"] >= target:
            gain = after["f1"] - before["f1"]
            share = (target - before["f1"]) / gain if gain > 0 else 1.0
            low, high = float(before[column]), float(after[column])
            return low + max(share, 0.0) * (high - low)
    return None


def _helped(lab: Lab, point: Point, before: float, new: Sequence[Stretch]) -> float:
    """Give the seconds that stretches take with the model of the minutes before."""
    earlier = Point(point.experiment, point.start, point.choice, point.seed, before)
    scores, options = lab.scores_of(earlier)
    timed = {one.name: one for one in scores}
    matches = {match.name: match for match in lab.footage.pool}
    return sum(
        with_suggestions(matches[one.match], timed[one.match], options, one)
        for one in new
    )
