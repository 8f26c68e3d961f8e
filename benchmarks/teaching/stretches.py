"""Footage in stretches of half a minute, and data sets of those that were reviewed.

A data set is written by the code of `touchline dataset export`, without its database:
labels, split and card are what a project would have that has reviewed just this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from app.datasets.card import Entry
from app.datasets.files import ExportOptions, Work, finish, labels_text
from app.datasets.naming import group_of
from app.datasets.staging import staged
from app.datasets.truth import Rejected, Truth
from app.datasets.video_files import place_whole, sha256_of
from model.data.formats.events import EventFacts
from model.data.formats.provenance import Provenance, ReviewedSpan, Span, is_within
from model.data.labels import Event, Match
from model.data.matches import OWN_LABELS
from model.spotting.spots import Spot

STRETCH_S = 30.0
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SPACE = UUID(int=17)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Half a minute of a match, which is reviewed as a whole.

    Attributes:
        match: its name.
        span: from and to, in seconds of its video.
    """

    match: str
    span: Span

    @property
    def minutes(self) -> float:
        """How long it is."""
        return (self.span[1] - self.span[0]) / 60


def by_team(match: Match) -> Match:
    """Split the labels of a match by team; an event without one is left out."""
    events = tuple(
        Event(f"{event.label} {event.team}", event.time_s)
        for event in match.labels.events
        if event.team is not None
    )
    return replace(match, labels=replace(match.labels, events=events))


def stretches_of(match: Match, duration_s: float) -> list[Stretch]:
    """Divide a match; what is left at its end, shorter than a stretch, is nobody's."""
    count = int(duration_s / STRETCH_S + 1e-3)
    edges = [number * STRETCH_S for number in range(count + 1)]
    return [Stretch(match.name, (a, b)) for a, b in pairwise(edges)]


def shuffled(stretches: Sequence[Stretch], *, seed: int) -> list[Stretch]:
    """Put stretches in an order of chance; more minutes are the same ones and more."""
    order = np.random.default_rng(seed).permutation(len(stretches))
    return [stretches[index] for index in order]


def first_minutes(stretches: Sequence[Stretch], minutes: float) -> list[Stretch]:
    """Take as many stretches of a list as make so many minutes."""
    return list(stretches[: round(minutes * 60 / STRETCH_S)])


def write_dataset(
    target: Path,
    matches: Sequence[Match],
    reviewed: Sequence[Stretch],
    *,
    seed: int,
    rejected: Mapping[str, Sequence[Spot]] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write what has been reviewed as an export does, videos by reference.

    Args:
        target: the folder that it becomes; what is there already is kept.
        matches: that the stretches are of, with all their labels.
        reviewed: stretches, in any order.
        seed: of the split.
        rejected: spots of a network that are no events, by match; those outside of the
            reviewed stretches are left out.
        report: takes lines for the user.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    named = {match.name: match for match in matches}
    work = Work()
    with staged(target, may_replace=False) as staging:
        for name in sorted({one.match for one in reviewed}):
            spans = sorted(one.span for one in reviewed if one.match == name)
            spots = (rejected or {}).get(name, ())
            truth = _truth_of(named[name], spans, spots)
            video, labels = f"{name}/video.mp4", f"{name}/{OWN_LABELS}"
            place_whole(staging, named[name].video, video, truth, "reference")
            staging.write_text(labels, labels_text(truth, video))
            files = {video: truth.sha256, labels: sha256_of(staging.folder / labels)}
            work.entries.append(Entry(name, group_of(truth), truth, files))
            work.sources.append(truth)
        options = ExportOptions(SPACE, mode="reference", seed=seed)
        finish(staging, target.name, options, work, NOON, "benchmark", report)
    return target


def _truth_of(match: Match, spans: Sequence[Span], rejected: Sequence[Spot]) -> Truth:
    reviewed = tuple(ReviewedSpan(start, end, "annotator") for start, end in spans)
    events = tuple(
        EventFacts(
            id=str(uuid5(SPACE, f"{match.name} {event.label} {event.time_s}")),
            label=event.label,
            time_ms=round(event.time_s * 1000),
            frame=None,
            score=None,
        )
        for event in match.labels.events
        if is_within(event.time_s, spans)
    )
    return Truth(
        video_id=uuid5(SPACE, match.name),
        title=match.name,
        filename=f"{match.name}.mp4",
        container="mp4",
        storage_key=match.name,
        sha256=sha256_of(match.video),
        size_bytes=match.video.stat().st_size,
        played_on=None,
        competition=None,
        teams=(),
        events=events,
        rejected=tuple(
            Rejected(spot.label, spot.time_s, spot.frame, spot.score)
            for spot in rejected
            if is_within(spot.time_s, spans)
        ),
        provenance=Provenance(reviewers=("annotator",), reviewed=reviewed),
    )
