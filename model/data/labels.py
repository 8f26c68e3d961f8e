"""Events as somebody labelled them, and the matches that they belong to.

Keeps away from files of labels (see `formats`), from video and torch. Where a file
says what was reviewed, nothing else in it is truth: neither an event nor background.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.data.formats.provenance import Span, cut_spans, is_within
from model.errors import BadAnnotations

# Of a rate, so much off is another rate.
RATE_SLACK = 0.005
COUNT_SLACK = 0.02
# Frames that are so far from their places at a constant rate make it a variable one.
VARYING_S = 0.1


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as somebody labelled it.

    Attributes:
        label: the class.
        time_s: seconds from the start of the video.
        team: the side it belongs to ("left", "home"); None where the file has none.
        frame: index in the video, where the file counts frames: there `time_s` is
            right at a constant rate only, see `MatchLabels.at_frames`.
    """

    label: str
    time_s: float
    team: str | None = None
    frame: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class MatchLabels:
    """The labels of one video.

    Attributes:
        name: of the match, as the file gives it.
        events: earliest first.
        source: the file they came from.
        fps: the rate that the file claims, or None.
        frame_count: the length that the file claims, or None.
        half: of the match, where the file says it.
        notes: what was noticed when the file was read.
        reviewed: the stretches in which the events are all there are, from and to in
            seconds, in order; elsewhere nothing is known. None: that is everywhere.
    """

    name: str
    events: tuple[Event, ...]
    source: Path
    fps: float | None = None
    frame_count: int | None = None
    half: int | None = None
    notes: tuple[str, ...] = ()
    reviewed: tuple[Span, ...] | None = None

    @property
    def counts_frames(self) -> bool:
        """Whether times come from frame numbers and a stated rate."""
        return any(event.frame is not None for event in self.events)

    def within(self, spans: Sequence[Span]) -> Self:
        """Give the labels as if nothing were known but in some stretches."""
        reviewed = self.reviewed
        kept = cut_spans(reviewed if reviewed is not None else spans, spans)
        events = tuple(e for e in self.events if is_within(e.time_s, kept))
        return replace(self, events=events, reviewed=kept)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Give the labels other names; those that are not named keep theirs."""
        if not names:
            return self
        events = (
            replace(event, label=names.get(event.label, event.label))
            for event in self.events
        )
        return replace(self, events=in_order(events))

    def at_frames(self, frame: NDArray[np.int64], time_s: NDArray[np.float64]) -> Self:
        """Give labels that count frames the times at which these are shown.

        On a video of a variable rate, frame / rate is off by seconds.

        Args:
            frame: (T,) index in the video of every decoded step, rising; T >= 1.
            time_s: (T,) when it is shown.

        Returns:
            The labels; as they are where they tell times, or count frames that were
            taken at a rate of their own.

        Raises:
            BadAnnotations: the video's rate varies, and it is not plain that its own
                frames are counted.
        """
        if not self.counts_frames or len(frame) < 2:
            return self
        rate = float(frame[-1] - frame[0]) / float(time_s[-1] - time_s[0])
        if self.fps is not None and abs(self.fps / rate - 1) > RATE_SLACK:
            even = time_s[0] + (frame - frame[0]) / rate
            if float(np.abs(time_s - even).max()) <= VARYING_S:
                return self
            counted = int(frame[-1]) + 1
            if abs((self.frame_count or 0) / counted - 1) > COUNT_SLACK:
                raise BadAnnotations(
                    f"{self.source} counts frames at {self.fps:g} a second, and the "
                    f"rate of the video of {self.name} varies ({rate:.4g} on average): "
                    "what its frames are cannot be told. Give times, or state the "
                    "video's own rate and its frames."
                )
        events = []
        for event in self.events:
            if event.frame is None or not frame[0] <= event.frame <= frame[-1]:
                events.append(event)
                continue
            at = float(np.interp(event.frame, frame, time_s))
            events.append(replace(event, time_s=at))
        timed = replace(self, events=in_order(events))
        return timed if self.reviewed is None else timed.within(self.reviewed)


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


def case_twins(names: Iterable[str]) -> dict[str, str]:
    """Find the names that equal an earlier one but for small and capital letters.

    Args:
        names: the most frequent first.

    Returns:
        The earlier one of each.
    """
    first: dict[str, str] = {}
    twins = {}
    for name in names:
        usual = first.setdefault(name.casefold(), name)
        if usual != name:
            twins[name] = usual
    return twins


def team_names(matches: Iterable[Match]) -> tuple[str, ...]:
    """Name the teams that occur in labels, by name."""
    found = {event.team for match in matches for event in match.labels.events}
    return tuple(sorted(found - {None}))  # type: ignore[arg-type] # no None is left


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """Sort events by time, then label."""
    return tuple(sorted(events, key=lambda event: (event.time_s, event.label)))
