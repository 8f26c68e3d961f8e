"""Which part of a data set each match is in: halves of a match stay together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from app.datasets.problems import ExportFailed
from model.data.labels import Match, MatchLabels, in_order
from model.data.splits import PARTS, SHARES, Split, extend_split, split_matches
from model.data.stretch_splits import split_stretches

COPIES = (
    "Left out: {}, as another copy of the same pictures is taken, of which more is "
    "reviewed."
)


class Placed(Protocol):
    """A folder of a data set; see `Entry`."""

    @property
    def name(self) -> str: ...

    @property
    def group(self) -> str: ...

    @property
    def video_id(self) -> str: ...

    @property
    def shows(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Holdout:
    """What is held out to measure by; all of it is `val`, and nothing is `test`.

    Attributes:
        videos: ids of videos that are held out whole, with those of the same match.
        share: of everything, where no videos are named; None: the usual shares.
    """

    videos: Sequence[str] = ()
    share: float | None = None


def split_entries(
    entries: Sequence[Placed],
    matches: Sequence[Match],
    *,
    seed: int,
    holdout: Holdout | None = None,
    learned: Collection[str] = (),
) -> Split:
    """Split by match; too few matches by far-apart stretches.

    Matches that the base has learned from are trained with again and not held out, as
    long as another one can be.

    Args:
        entries: say which match each folder is of.
        matches: the same, as training reads them.
        seed: of the shuffles.
        holdout: what is to be held out; None: the usual shares.
        learned: ids of videos that the base of a training has learned from, and the
            checksums of their files.

    Raises:
        BadAnnotations: there is too little to split.
        ExportFailed: what is to be held out is not there, or leaves nothing.
    """
    group_of = {entry.name: entry.group for entry in entries}
    members: dict[str, list[Match]] = {}
    for match in matches:
        members.setdefault(group_of[match.name], []).append(match)
    if holdout is not None and holdout.videos:
        return _hold_out(entries, members, holdout.videos)
    shares = SHARES
    if holdout is not None and holdout.share is not None:
        shares = (1 - holdout.share, holdout.share, 0.0)
    if len(members) < len(PARTS):
        return _split_few(entries, matches, shares)
    wholes = [_as_one(name, of) for name, of in members.items()]
    known = {
        one.group
        for one in entries
        if one.video_id in learned or any(file in learned for file in one.shows)
    }
    split = split_matches(wholes, shares=shares, seed=seed)
    if 0 < len(known) < len(members):
        begun = Split({"train": tuple(sorted(known)), "val": (), "test": ()})
        unseen = extend_split(begun, wholes, shares=shares, seed=seed)
        split = unseen if unseen.parts["val"] or unseen.parts["test"] else split
    return replace(split, parts=_with_halves(split.parts, members))


def _split_few(
    entries: Sequence[Placed],
    matches: Sequence[Match],
    shares: tuple[float, float, float],
) -> Split:
    """Split stretches; of what shows the same only that of which most is reviewed.

    Each video is split by its own time: a moment that is learned from in one copy could
    be judged by in another.
    """
    place_of = {entry.name: entry for entry in entries}
    shows = {entry.video_id: entry.shows for entry in entries}
    reviewed_s = dict.fromkeys(shows, 0.0)
    for match in matches:
        spans = match.labels.reviewed or ()
        length_s = sum(end - start for start, end in spans)
        reviewed_s[place_of[match.name].video_id] += length_s
    kept: set[str] = set()
    shown: set[str] = set()
    for video in sorted(shows, key=lambda video: (-reviewed_s[video], video)):
        if shown.isdisjoint(shows[video]):
            kept.add(video)
            shown |= shows[video]
    taken = [match for match in matches if place_of[match.name].video_id in kept]
    split = split_stretches(taken, shares=shares)
    left_out = [name for name, one in place_of.items() if one.video_id not in kept]
    if not left_out:
        return split
    return replace(split, note=f"{split.note} {COPIES.format(', '.join(left_out))}")


def _hold_out(
    entries: Sequence[Placed],
    members: Mapping[str, Sequence[Match]],
    videos: Collection[str],
) -> Split:
    """Hold out the matches of some videos.

    Raises:
        ExportFailed: one of them is not in the data set, or nothing else is.
    """
    groups = {entry.video_id: entry.group for entry in entries}
    missing = sorted(set(videos) - groups.keys())
    if missing:
        raise ExportFailed(
            f"{', '.join(missing)} cannot be held out: nothing of it is reviewed, or "
            "it is left out"
        )
    held = tuple(dict.fromkeys(groups[video] for video in videos))
    taught = tuple(group for group in members if group not in held)
    if not taught:
        raise ExportFailed(
            "all matches are held out, and none is left to learn from: hold out fewer, "
            "or review another one"
        )
    return Split(_with_halves({"train": taught, "val": held, "test": ()}, members))


def _with_halves(
    parts: Mapping[str, Sequence[str]], members: Mapping[str, Sequence[Match]]
) -> dict[str, tuple[str, ...]]:
    """Name the folders of each part where matches stand."""
    return {
        part: tuple(sorted(one.name for name in names for one in members[name]))
        for part, names in parts.items()
    }


def _as_one(name: str, members: Sequence[Match]) -> Match:
    """Count the events of all videos of a match together."""
    events = in_order(event for one in members for event in one.labels.events)
    return Match(name, members[0].video, MatchLabels(name, events, Path(name)))
