"""Training stretches in segments of some clips: what clips are drawn from.

A segment is augmented alike from end to end, and it is what a learning curve takes more
or fewer of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model.data.formats.provenance import Span
from model.data.frame_store import StoredMatch
from model.data.labels import Event, MatchLabels, in_order
from model.teaching.matches import TO_THE_END_S
from model.training.false_alarms import FalseAlarm

CLIPS = 3
"""Clips that a segment is long."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Some steps of a piece, for training.

    Attributes:
        piece: index of the piece.
        first: step of the piece that its context begins with.
        until: the step after the context's last.
        start: step that its known part begins with.
        end: the step after the known part's last.
    """

    piece: int
    first: int
    until: int
    start: int
    end: int

    def of(
        self, piece: StoredMatch, stored: NDArray[np.generic], *, name: str
    ) -> StoredMatch:
        """Give the segment as a match of its own.

        Args:
            piece: with what training knows of it.
            stored: what is stored of each step from `first` on.
            name: of the match.
        """
        rows = slice(self.first, self.until)
        return StoredMatch(
            name=name,
            frames=stored,  # type: ignore[arg-type] # features, not pictures
            time_s=piece.time_s[rows],
            frame=piece.frame[rows],
            pts=piece.pts[rows],
            labels=piece.labels.within([self._span(piece)]),
        )

    def _span(self, piece: StoredMatch) -> Span:
        """From its first known step to the next segment's: no event is in between.

        At the edges of a known stretch it reaches beyond; only what is known counts.
        """
        known, times = piece.known_steps(), piece.time_s
        is_first = self.start > 0 and (known is None or not known[self.start - 1])
        start_s = float(times[self.start - 1 if is_first else self.start])
        is_last = self.end == len(times)
        end_s = float(times[-1]) + TO_THE_END_S if is_last else float(times[self.end])
        return (0.0 if self.start == 0 else start_s), end_s


def segments_of(
    pieces: Sequence[StoredMatch], *, clip_len: int, reach: int
) -> list[Segment]:
    """Cut the known stretches of pieces into segments.

    Args:
        pieces: with what training knows of them.
        clip_len: steps of a clip.
        reach: steps to each side that the trunk looks at.
    """
    found = []
    for index, piece in enumerate(pieces):
        for low, high in _known_runs(piece):
            count = max(1, round((high - low) / (CLIPS * clip_len)))
            cuts = np.linspace(low, high, count + 1).round().astype(int).tolist()
            for start, end in pairwise(cuts):
                around = reach + max(0, clip_len - (end - start))
                first = max(0, start - around)
                until = min(len(piece), end + around)
                found.append(Segment(index, first, until, start, end))
    return found


def stretches_of(
    pieces: Sequence[StoredMatch], *, context: int, hop: int
) -> list[Segment]:
    """Give the known stretches of pieces whole, to be measured.

    Args:
        pieces: with what a part of the split knows of them.
        context: steps to each side that serving's windows reach, at most.
        hop: steps from one of serving's windows to the next; each begins with one.
    """
    found = []
    for index, piece in enumerate(pieces):
        for low, high in _known_runs(piece):
            first = max(0, low - context)
            until = min(len(piece), high + context)
            found.append(Segment(index, first - first % hop, until, low, high))
    return found


def _known_runs(piece: StoredMatch) -> list[tuple[int, int]]:
    known = piece.known_steps()
    if known is None:
        known = np.ones(len(piece), np.bool_)
    edges = np.flatnonzero(np.diff(np.pad(known, 1).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def mirrored(
    match: StoredMatch, twins: Mapping[str, str], sides: Sequence[str]
) -> StoredMatch:
    """Give the labels of the mirror image: types and teams named by side swap."""
    other = dict(zip(sides, reversed(sides), strict=True))

    def turned(event: Event) -> Event:
        team = other.get(event.team or "", event.team)
        return replace(event, label=twins.get(event.label, event.label), team=team)

    labels: MatchLabels = replace(
        match.labels, events=in_order(turned(event) for event in match.labels.events)
    )
    return replace(match, labels=labels)


def alarms_in(
    matches: Sequence[StoredMatch],
    owners: Sequence[str],
    alarms: Sequence[FalseAlarm],
) -> list[FalseAlarm]:
    """Find the false alarms in the known stretches of pieces or segments.

    Args:
        matches: pieces or segments, under names of their own.
        owners: names of the matches that they are of.
        alarms: by the names of matches.
    """
    found = []
    for match, owner in zip(matches, owners, strict=True):
        for alarm in alarms:
            if alarm.match != owner:
                continue
            spans = match.labels.reviewed or ()
            if any(start <= alarm.time_s < end for start, end in spans):
                found.append(replace(alarm, match=match.name))
    return found
