"""What a training would hold out of what is reviewed, as an export splits it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.datasets import parts
from app.datasets.naming import files_of, folder_names, groups_of
from app.datasets.problems import ExportFailed
from app.trainings.options import Holdout
from app.trainings.reviewed_data import ReviewedData, ReviewedVideo
from model.data.formats.provenance import Span
from model.data.labels import Match, MatchLabels
from model.errors import BadAnnotations

HELD_OUT = ("val", "test")


@dataclass(frozen=True, slots=True)
class HeldOutVideo:
    """What of a video would be held out."""

    video: ReviewedVideo
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class HoldoutPlan:
    """What would be held out, and what would be learned from.

    Attributes:
        counts: held out events by type.
        train: events by type that would be learned from.
    """

    videos: Sequence[HeldOutVideo]
    counts: Mapping[str, int]
    train: Mapping[str, int]

    @property
    def minutes(self) -> float:
        """How much would be held out."""
        spans = [span for one in self.videos for span in one.spans]
        return sum(end - start for start, end in spans) / 60


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that the data set would have."""

    name: str
    group: str
    video_id: str
    shows: frozenset[str]


def plan_holdout(
    data: ReviewedData,
    holdout: Holdout | None,
    *,
    seed: int = 0,
    learned: Collection[str] = (),
) -> HoldoutPlan:
    """Split what is reviewed as the export of a training does, without exporting it.

    Args:
        holdout: what is asked for; None: the usual shares.
        seed: of the training.
        learned: ids of videos that its base has learned from, and the checksums of
            their files.

    Raises:
        BadAnnotations: there is too little to split.
    """
    names, groups = folder_names(data.videos), groups_of(data.videos)
    of_name = dict(zip(names, data.videos, strict=True))
    matches = [_as_match(name, of_name[name]) for name in sorted(of_name)]
    places = [
        _Place(name, group, str(video.id), files_of(video))
        for (name, video), group in zip(of_name.items(), groups, strict=True)
    ]
    asked = None if holdout is None else parts.Holdout(holdout.videos, holdout.share)
    try:
        split = parts.split_entries(
            places, matches, seed=seed, holdout=asked, learned=learned
        )
    except ExportFailed as exc:
        raise BadAnnotations(f"The hold-out cannot be made: {exc}.") from exc
    held = [match for part in HELD_OUT for match in split.take(matches, part)]
    spans: dict[str, tuple[Span, ...]] = {}
    for match in held:
        more = match.labels.reviewed or ()
        spans[match.name] = tuple(sorted((*spans.get(match.name, ()), *more)))
    return HoldoutPlan(
        [HeldOutVideo(of_name[name], spans[name]) for name in names if name in spans],
        _counts(held),
        _counts(split.take(matches, "train")),
    )


def _as_match(name: str, video: ReviewedVideo) -> Match:
    labels = MatchLabels(name, video.events, Path(name), reviewed=video.spans)
    return Match(name, Path(name), labels)


def _counts(matches: Sequence[Match]) -> dict[str, int]:
    found = Counter(event.label for one in matches for event in one.labels.events)
    return dict(found.most_common())
