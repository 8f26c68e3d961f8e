"""What is written over a cut: its events, the teams, and the clock of the match."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from model.video.cuts import Caption, Cut
from model.video.frame_times import FrameTimes

_SOON_S = 1e-6
_BETWEEN = " · "


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """What is to be shown.

    Attributes:
        type: of the event, with its team and player.
        clock: of the match; the video's own time where no half is known.
        teams: which play.
    """

    type: bool = False
    clock: bool = False
    teams: bool = False

    @property
    def is_any(self) -> bool:
        """Whether there is anything to be shown."""
        return self.type or self.clock or self.teams


class CaptionedEvent(NamedTuple):
    """An event, as far as captions tell it."""

    time_s: float
    type: str
    team: str | None = None
    player: str | None = None


class RunningClock(NamedTuple):
    """A half: when it is played in the video, and what the clock shows then."""

    start_s: float
    end_s: float
    clock_s: float


@dataclass(frozen=True, slots=True)
class MatchWords:
    """What captions say of the match.

    Attributes:
        teams: their names, as people have them.
        names: of teams by what events call them.
        halves: in which its clock runs; none: that of the video is shown.
    """

    teams: Sequence[str] = ()
    names: Mapping[str, str] | None = None
    halves: Sequence[RunningClock] = ()


def with_captions(
    cuts: Iterable[Cut],
    times: FrameTimes,
    events: Mapping[str, CaptionedEvent],
    options: CaptionOptions,
    match: MatchWords,
) -> list[Cut]:
    """Write captions into cuts of one video.

    Args:
        cuts: without captions.
        times: of the video's frames.
        events: by the names that cuts have for them. The nearest one is told.
        options: what is shown.
        match: what is said of it.
    """
    return [
        replace(cut, captions=tuple(_captions(cut, times, events, options, match)))
        for cut in cuts
    ]


def _captions(
    cut: Cut,
    times: FrameTimes,
    events: Mapping[str, CaptionedEvent],
    options: CaptionOptions,
    match: MatchWords,
) -> Iterator[Caption]:
    start_s, end_s = cut.start_s(times), cut.end_s(times)
    told = sorted((events[name] for name in cut.names), key=lambda one: one.time_s)
    changes = {start_s}
    if options.type:
        pairs = pairwise(told)
        changes |= {(one.time_s + other.time_s) / 2 for one, other in pairs}
    if options.clock:
        changes |= set(_seconds(start_s, end_s, match.halves))
    last: tuple[str, ...] | None = None
    for at_s in sorted(change for change in changes if start_s <= change < end_s):
        lines = tuple(_lines(at_s + _SOON_S, told, options, match))
        if lines != last:
            yield Caption(at_s, lines)
        last = lines


def _lines(
    at_s: float,
    told: Sequence[CaptionedEvent],
    options: CaptionOptions,
    match: MatchWords,
) -> Iterator[str]:
    if options.type and told:
        one = min(told, key=lambda event: abs(event.time_s - at_s))
        team = one.team and (match.names or {}).get(one.team, one.team)
        yield _BETWEEN.join(filter(None, (one.type, team, one.player)))
    teams = " – ".join(match.teams) if options.teams else None
    clock = _clock(at_s, match.halves) if options.clock else None
    if line := _BETWEEN.join(filter(None, (teams, clock))):
        yield line


def _clock(at_s: float, halves: Sequence[RunningClock]) -> str | None:
    """Tell what the clock shows; None: it stands between halves."""
    if not halves:
        return _digits(at_s)
    for half in halves:
        if half.start_s <= at_s < half.end_s:
            return _digits(half.clock_s + at_s - half.start_s)
    return None


def _digits(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02}:{rest:02}"


def _seconds(
    start_s: float, end_s: float, halves: Sequence[RunningClock]
) -> Iterator[float]:
    """Give the moments of a cut at which the clock goes on."""
    for half in halves or (RunningClock(0.0, end_s, 0.0),):
        yield from (half.start_s, half.end_s)
        shift_s = half.start_s - half.clock_s
        first = math.ceil(max(start_s, half.start_s) - shift_s)
        last = math.floor(min(end_s, half.end_s) - shift_s)
        yield from (second + shift_s for second in range(first, last + 1))
