"""Which frames of a video make the clips of its events: planned before any is decoded.

numpy alone; the API and the command line plan with it, `clip_writer` renders.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from model.errors import BadCut
from model.video.frame_times import FrameTimes

MAX_CUTS = 1000
"""Clips that are made at once."""

MAX_SIDE = 1920
"""Pixels of a side of what is encoded."""

Order = Literal["time", "score"]
CutMode = Literal["exact", "smart", "copy"]
"""How cuts are made: encoded anew, their borders alone, or not at all."""

_SHOWN = 5  # names in a message


@dataclass(frozen=True, slots=True)
class Moment:
    """An event, as far as its clip is concerned.

    Attributes:
        name: by which messages and cuts refer to it.
        time_s: from the start, as players show.
        frame: 0-based in the source; None: the one shown at `time_s`.
        score: the network's belief; None: a person said so, which counts as 1.
        hit: those with the same number are shown by one cut, from the first of them to
            the last, whatever lies between; None: a cut of its own.
    """

    name: str
    time_s: float
    frame: int | None = None
    score: float | None = None
    hit: int | None = None


class Caption(NamedTuple):
    """Lines that are shown from a moment of the video on, until the next caption."""

    from_s: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Frames of a video that follow each other.

    Attributes:
        first: the first one, 0-based in the source.
        until: the one after the last.
        names: of the events it shows, by time.
        score: the highest of theirs.
        source: which video it is of, where several are cut together.
        captions: what is written over it, by time.
    """

    first: int
    until: int
    names: tuple[str, ...] = ()
    score: float = 1.0
    source: int = 0
    captions: tuple[Caption, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.until - self.first

    def start_s(self, times: FrameTimes) -> float:
        """When it begins in the source."""
        return times.time_of(self.first)

    def end_s(self, times: FrameTimes) -> float:
        """When its last frame gives way to the next."""
        return times.end_of(self.until - 1)


def plan_cuts(
    moments: Iterable[Moment],
    times: FrameTimes,
    *,
    lead_s: float,
    lag_s: float,
    merge: bool = True,
    order: Order = "time",
    source: int = 0,
) -> list[Cut]:
    """Choose the frames about events.

    A cut goes from the frame that is shown `lead_s` before the event's frame to the one
    shown `lag_s` after it, both included, as far as the video goes. Moments of one hit
    have one cut together, from before the first to after the last.

    Args:
        moments: in any order.
        times: of the video's frames.
        lead_s, lag_s: >= 0, in seconds; not both 0.
        merge: cuts that overlap or touch become one.
        order: by time, or the highest score first and then by time.
        source: which video it is, where several are cut together.

    Raises:
        BadCut: there is nothing to cut, or too much, or an event is not in the video.
    """
    if not lead_s + lag_s > 0:
        raise BadCut(
            "A clip would have no length: give a lead or a lag of more than 0 seconds."
        )
    found = list(moments)
    if not found:
        raise BadCut("No event was found to make a clip of: widen the filter.")
    _refuse_outside(found, times)
    places = {one.name: (one.time_s, number) for number, one in enumerate(found)}
    cuts = sorted(
        (
            _joined([_about(one, times, lead_s, lag_s, source) for one in together])
            for together in _hits(found)
        ),
        key=lambda cut: (cut.first, cut.until, cut.names),
    )
    if merge:
        cuts = _merged(cuts)
    # An event may be part of several hits, which overlap.
    cuts = [
        replace(cut, names=tuple(sorted(set(cut.names), key=places.__getitem__)))
        for cut in cuts
    ]
    refuse_too_many(cuts)
    if order == "score":
        cuts.sort(key=lambda cut: (-cut.score, cut.first))
    return cuts


def refuse_too_many(cuts: Sequence[Cut]) -> None:
    """Raise BadCut where more are asked for than are made at once."""
    if len(cuts) > MAX_CUTS:
        raise BadCut(
            f"{len(cuts)} clips are too many: at most {MAX_CUTS} are made at once. "
            "Narrow the filter, or have overlapping ones merged."
        )


def length_s(cuts: Sequence[Cut], times: FrameTimes) -> float:
    """Add up how long cuts are shown, in seconds."""
    return sum(cut.end_s(times) - cut.start_s(times) for cut in cuts)


def _refuse_outside(moments: Iterable[Moment], times: FrameTimes) -> None:
    outside = [
        one.name
        for one in moments
        if not 0 <= one.time_s <= times.until_s
        or not (one.frame is None or 0 <= one.frame < len(times))
    ]
    if outside:
        names = ", ".join(outside[:_SHOWN])
        more = f" and {len(outside) - _SHOWN} more" if len(outside) > _SHOWN else ""
        raise BadCut(
            f"The video ends at {times.until_s:.3f} s (frame {len(times) - 1}); beyond "
            f"its ends lie: {names}{more}. Correct them, or leave them out."
        )


def _about(
    one: Moment, times: FrameTimes, lead_s: float, lag_s: float, source: int
) -> Cut:
    frame = times.frame_at(one.time_s) if one.frame is None else one.frame
    at_s = times.time_of(frame)
    first = min(times.frame_at(at_s - lead_s), frame)
    last = max(times.frame_at(at_s + lag_s), frame)
    score = 1.0 if one.score is None else one.score
    return Cut(first, last + 1, (one.name,), score, source)


def _hits(moments: Iterable[Moment]) -> list[list[Moment]]:
    """Put those together that one cut shows."""
    alone: list[list[Moment]] = []
    hits: dict[int, list[Moment]] = {}
    for one in moments:
        if one.hit is None:
            alone.append([one])
        else:
            hits.setdefault(one.hit, []).append(one)
    return [*alone, *hits.values()]


def _joined(cuts: Sequence[Cut]) -> Cut:
    """Make one of several, with all that lies between."""
    return replace(
        cuts[0],
        first=min(cut.first for cut in cuts),
        until=max(cut.until for cut in cuts),
        names=tuple(name for cut in cuts for name in cut.names),
        score=max(cut.score for cut in cuts),
    )


def _merged(cuts: Sequence[Cut]) -> list[Cut]:
    merged: list[Cut] = []
    for cut in cuts:
        if merged and cut.first <= merged[-1].until:
            merged[-1] = _joined([merged[-1], cut])
        else:
            merged.append(cut)
    return merged
