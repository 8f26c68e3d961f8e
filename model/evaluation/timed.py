"""Matches with their scores, and the spots they come to under some options.

Keeps away from torch: scores come from a predictor, as in serving.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from model.checkpoint.spotting_options import SpottingOptions
from model.data.formats.provenance import Span, is_within
from model.data.labels import Event, Match
from model.errors import BadAnnotations, DecoderError, VideoError
from model.evaluation.matching import Scored
from model.evaluation.metrics import LabelledMatch
from model.spotting.predictor import Predictor
from model.spotting.spot_file import spot_file
from model.spotting.spots import find_spots
from model.spotting.timeline import Timeline

CURVE_FLOOR = 0.01

OnCorrupt = Literal["stop", "skip"]

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TimedMatch:
    """A match whose scores are known.

    Attributes:
        name: of the match.
        timeline: what the network believes.
        events: what happened.
        reviewed: where they are all there are, see `MatchLabels`; None: everywhere.
    """

    name: str
    timeline: Timeline
    events: tuple[Event, ...]
    reviewed: tuple[Span, ...] | None = None

    @property
    def known_s(self) -> float:
        """How much of the match is measured, in seconds."""
        if self.reviewed is not None:
            return sum(end - start for start, end in self.reviewed)
        times = self.timeline.time_s
        return float(times[-1]) if len(times) else 0.0


def timelines(
    predictor: Predictor,
    matches: Sequence[Match],
    *,
    on_corrupt: OnCorrupt = "stop",
    log: Log,
) -> list[TimedMatch]:
    """Run a predictor over matches, by `spot_file`.

    Raises:
        BadAnnotations: a video is corrupt and `on_corrupt` is "stop", or none is left.
    """
    timed = []
    for done, match in enumerate(matches, start=1):
        try:
            found = spot_file(match.video, predictor=predictor)
        except (VideoError, DecoderError) as exc:
            if on_corrupt == "stop":
                raise BadAnnotations(
                    f"{match.video} cannot be decoded: {exc} Mend or remove it, or "
                    "have corrupt videos skipped."
                ) from exc
            log(f"{done}/{len(matches)}  {match.name} skipped: {exc}")
            continue
        decoded = found.timeline
        labels = match.labels.at_frames(decoded.frame, decoded.time_s)
        timed.append(TimedMatch(match.name, decoded, labels.events, labels.reviewed))
        damaged = found.damaged_packets
        note = f"  {damaged} damaged packets stepped over" if damaged else ""
        log(f"{done}/{len(matches)}  {match.name}{note}")
    if not timed:
        raise BadAnnotations("There is no match that could be measured.")
    return timed


def spotted(
    matches: Sequence[TimedMatch],
    options: SpottingOptions,
    *,
    min_score: float | None = CURVE_FLOOR,
    sides: Sequence[str] = (),
) -> list[LabelledMatch]:
    """Turn timelines into what the measures take.

    Where nobody has looked, a spot is neither right nor wrong: it is left out.

    Args:
        matches: with their scores.
        options: how to spot.
        sides: names of the network's sides, if it tells them.
        min_score: takes the place of the thresholds; None keeps them.
    """
    out = []
    for match in matches:
        spots: dict[str, list[Scored]] = {}
        for spot in find_spots(
            match.timeline, options, min_score=min_score, sides=sides
        ):
            if not is_within(spot.time_s, match.reviewed):
                continue
            scored = Scored(spot.time_s, spot.score, spot.team)
            spots.setdefault(spot.label, []).append(scored)
        events: dict[str, list[float]] = {}
        teams: dict[str, list[str | None]] = {}
        for event in match.events:
            events.setdefault(event.label, []).append(event.time_s)
            # Labels without teams give none.
            teams.setdefault(event.label, []).append(event.team)
        out.append(LabelledMatch(match.name, spots, events, teams))
    return out
