"""Events as somebody labelled them, and the matches that they belong to.

Keeps away from files of labels (see `formats`), from video and torch.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from model.errors import BadAnnotations

# What label files write where an event belongs to neither side.
NO_TEAM = ("", "not applicable")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as somebody labelled it.

    Attributes:
        label: the class.
        time_s: seconds from the start of the video.
        team: the side it belongs to ("left", "home"); None where the file has none.
    """

    label: str
    time_s: float
    team: str | None = None


@dataclass(frozen=True, slots=True)
class MatchLabels:
    """The labels of one video.

    Attributes:
        name: of the match, as the file gives it.
        events: earliest first.
        source: the file they came from.
        fps: the rate that the file claims, or None.
        frame_count: the length that the file claims, or None.
    """

    name: str
    events: tuple[Event, ...]
    source: Path
    fps: float | None = None
    frame_count: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A video and its labels.

    Attributes:
        name: the folder below the data set's root, or the video's stem.
        video: the file.
        labels: what happens in it.
    """

    name: str
    video: Path
    labels: MatchLabels


def files_of(matches: Iterable[Match]) -> list[Path]:
    """List the videos and label files of matches."""
    return [path for match in matches for path in (match.video, match.labels.source)]


def label_names(matches: Iterable[Match]) -> tuple[str, ...]:
    """Name the labels that occur, the most frequent first, ties by name."""
    counts: dict[str, int] = {}
    for match in matches:
        for event in match.labels.events:
            counts[event.label] = counts.get(event.label, 0) + 1
    return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


def team_names(matches: Iterable[Match]) -> tuple[str, ...]:
    """Name the teams that occur in labels, by name."""
    found = {event.team for match in matches for event in match.labels.events}
    return tuple(sorted(found - {None}))  # type: ignore[arg-type] # no None is left


def make_event(
    label: str, time_s: float, path: Path, number: int, *, team: object = None
) -> Event:
    """Build an event of a file's row.

    Args:
        label: the class.
        time_s: seconds from the start of the video.
        path: of the file, and `number`, of the row: for messages.
        team: the side as the file gives it; empty and "not applicable" are none.

    Raises:
        BadAnnotations: no label, or no time from 0 up; the message names the row.
    """
    if not label:
        raise BadAnnotations(f"{path}: event {number} has no label.")
    if not math.isfinite(time_s) or time_s < 0:
        raise BadAnnotations(f"{path}: event {number} is at {time_s} s.")
    name = "" if team is None else str(team).strip()
    return Event(label, time_s, None if name in NO_TEAM else name)


def in_order(events: list[Event]) -> tuple[Event, ...]:
    """Sort events by time, then label."""
    return tuple(sorted(events, key=lambda event: (event.time_s, event.label)))
