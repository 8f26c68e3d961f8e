"""The recipe's head stage alone, on features that are computed once for all runs.

A teaching as the product does it takes the trunk over its reviewed stretches each
time, plain and augmented, and tunes the trunk if there is time. For curves of many
points that is too much; here `model.teaching`'s own head, stopping and thresholds run
on the base's plain features, and its trunk stays as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.teaching.measure import Kept
from model.checkpoint.spotting_options import SpottingOptions
from model.data.frame_store import StoredMatch
from model.data.labels import Match
from model.evaluation.timed import TimedMatch
from model.network.spotter import Spotter
from model.teaching.configuration import head_config
from model.teaching.head import HeadTask, timed_matches, train_head
from model.teaching.matches import read_data
from model.teaching.network import build_network, config_for, open_base
from model.teaching.options import TeachOptions
from model.teaching.recipe import Recipe
from model.teaching.run import Run
from model.teaching.segments import alarms_in
from model.teaching.thresholds import choose_thresholds
from model.teaching.types import plan_types
from model.teaching.watch import LineWatch
from model.training.config import with_steps
from model.training.dataset import RandomClips
from model.training.outputs import target_makers

Enlarge = Callable[[RandomClips, tuple[str, ...]], RandomClips]
"""Adds clips to those of what was reviewed; it is told the types."""

OVERLAP = 0.5  # a quarter of the work of serving's; AP is lower by under 0.005
CONTEXT = 96  # steps that a window of the head reaches beyond a stretch at most


@dataclass(frozen=True, slots=True)
class Student:
    """A network whose head was taught, with what turns its scores into spots.

    Attributes:
        network: the base's trunk and the new head.
        labels: its types.
        options: thresholds and NMS, chosen on the hold-out.
    """

    network: Spotter
    labels: tuple[str, ...]
    options: SpottingOptions

    def score(self, match: Match, kept: Kept | None) -> TimedMatch:
        """Score a match of which the features are kept."""
        assert kept is not None
        return timed_matches(
            self.network, [stored(match, kept)], self.labels, overlap=OVERLAP
        )[0]


def teach_head(
    dataset: Path,
    folder: Path,
    options: TeachOptions,
    kept: Mapping[str, Kept],
    recipe: Recipe,
    enlarge: Enlarge | None = None,
) -> Student:
    """Teach a head what a data set has.

    Args:
        dataset: a folder as an export writes it.
        folder: of the training's state, which a run that was killed goes on from.
        options: what to teach; the base must be the one that the features are of.
        kept: the features of the data set's matches, by name.
        recipe: its numbers.
        enlarge: adds to its clips; None: there are no others.
    """
    lines: list[str] = []
    data = read_data(dataset, options, report=lines.append)
    base = open_base(options)
    plan = plan_types(options, base.labels, data.train)
    config, _ = config_for(base, plan, options, data.train)
    network, _ = build_network(base, plan, config, options, report=lines.append)
    run = Run(folder, options, recipe, LineWatch(lines.append))
    settings = head_config(
        options, recipe, config, base.frame_spec, plan.labels, folder
    )
    settings = with_steps(settings, recipe.head_steps)  # a short run warms up shortly
    train = [stored(match, kept[match.name]) for match in data.train]
    val = _pieces(data.val, kept)
    clips = RandomClips(
        train,
        plan.labels,
        settings.clips,
        seed=options.seed,
        makers=target_makers(settings),
        hard_negatives=alarms_in(train, [one.name for one in train], data.alarms),
    )
    if enlarge is not None:
        clips = enlarge(clips, plan.labels)
    task = HeadTask(plan.labels, plan.carried, settings, clips, val, folder / "head.pt")
    train_head(run, network, task)
    held = [*data.val, *data.test]
    timed = timed_matches(network, _pieces(held, kept), plan.labels, overlap=OVERLAP)
    found, _ = choose_thresholds(
        timed,
        [one.name.partition(" piece ")[0] for one in timed],
        before={},
        overlap=OVERLAP,
        few=recipe.few_events,
    )
    return Student(network, plan.labels, found.options)


def stored(match: Match, kept: Kept) -> StoredMatch:
    """Give a match with its features in place of frames."""
    return StoredMatch(
        match.name,
        kept["features"],
        kept["time_s"],
        kept["frame"],
        kept["pts"],
        match.labels,
    )


def _pieces(matches: Sequence[Match], kept: Mapping[str, Kept]) -> list[StoredMatch]:
    """Cut matches to what is known of them, and what the head looks at around it."""
    found = []
    for match in matches:
        whole = stored(match, kept[match.name])
        for number, span in enumerate(match.labels.reviewed or (), start=1):
            low, high = np.searchsorted(whole.time_s, span).tolist()
            rows = slice(max(0, low - CONTEXT), high + CONTEXT)
            piece = replace(
                whole,
                name=f"{match.name} piece {number}",
                frames=whole.frames[rows],
                time_s=whole.time_s[rows],
                frame=whole.frame[rows],
                pts=whole.pts[rows],
                labels=match.labels.within([span]),
            )
            found.append(piece)
    return found
