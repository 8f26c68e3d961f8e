"""What suggestions save an annotator: seconds a minute of video to the same quality.

    python -m benchmarks.review MATCHES --curves FOLDER [--model NAME] [--seeds 3]

A scripted annotator (`review_annotator`: costs of the keystroke-level model) makes the
timelines of labelled matches, from nothing and from the suggestions of the network and
of worse ones (`review_curves.degrade`). Suggestions, ghosts, merging, the order of the
review and its estimate are the service's own code. A worse network's thresholds are
chosen for each match on the others. Two qualities, within 0.5 s: complete (every event
with its type, and no other), and 95% precision and recall.

From nothing: the cheaper of stopping for each event at full speed, and of tagging while
it plays at half speed, where an event too soon after another makes it stop. From
suggestions: `list`, in the order of the review, and what then is missing by playing the
video (`by time`: the same list in the order of time); `play`, the video from the start,
stopping at errors alone. `silent`: events without even a ghost. `intervals held`: how
often the estimate's 95% intervals of precision and recall held the truth, every ten
decisions of the list.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np

from app.annotations.estimate import Estimate
from app.timelines.suggestions import GHOST_FLOOR, Suggestion, suggestion_id
from benchmarks.machine import processor
from benchmarks.review_annotator import (
    ADD_S,
    DECIDE_S,
    FIX_S,
    KEY_S,
    SLOW,
    SPACE,
    TAG_S,
    TOLERANCE_MS,
    Session,
    Truth,
)
from benchmarks.review_curves import degrade, mean_ap, options_for_each, read_matches
from model.checkpoint.spotting_options import SpottingOptions
from model.evaluation.timed import TimedMatch
from model.spotting.spots import find_spots

ENOUGH = 0.95
LEVELS = (0.9, 0.7, 0.5, 0.3)
PLAN_AGAIN_AFTER = 10  # decisions


@dataclass
class Seconds:
    """Seconds a minute of video, one for each match and seed."""

    nothing_all: list[float] = field(default_factory=list)
    play_all: list[float] = field(default_factory=list)
    nothing_95: list[float] = field(default_factory=list)
    list_95: list[float] = field(default_factory=list)
    by_time_95: list[float] = field(default_factory=list)
    play_95: list[float] = field(default_factory=list)
    covered: list[tuple[bool, bool]] = field(default_factory=list)
    start: list[tuple[float, float]] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)


def main() -> None:
    """Print a row for the network and for each worse one."""
    options = _parse_options()
    matches, manifest = read_matches(
        options.matches, options.curves, model=options.model
    )
    minutes = sum(_truth(match).duration_s for match in matches) / 60
    events = sum(len(match.events) for match in matches)
    print(f"{datetime.now(UTC):%Y-%m-%d}  {processor()}  {manifest.name}")
    print(f"{len(matches)} matches, {minutes:.1f} minutes, {events} events")
    print("seconds a minute of video    complete          95% precision and recall")
    print(
        "  AP     P     R   silent   nothing   play   nothing   play   list  by time"
        "   intervals held"
    )
    own = [manifest.spotting] * len(matches)
    _row(matches, own, mean_ap(matches, manifest.spotting), Seconds(), is_last=True)
    for level in LEVELS:
        found, ap = Seconds(), []
        for seed in range(options.seeds):
            worse = degrade(matches, manifest.spotting, ap=level, seed=seed)
            ap.append(mean_ap(worse, manifest.spotting))
            chosen = options_for_each(worse, overlap=manifest.spotting.overlap)
            is_last = seed == options.seeds - 1
            _row(worse, chosen, float(np.mean(ap)), found, is_last=is_last)


def _row(
    matches: Sequence[TimedMatch],
    options: Sequence[SpottingOptions],
    ap: float,
    found: Seconds,
    *,
    is_last: bool,
) -> None:
    for match, own in zip(matches, options, strict=True):
        _annotate(match, own, found)
    if not is_last:
        return
    precision, recall = np.mean(found.start, axis=0)
    held = np.mean(found.covered, axis=0)
    cells = [
        float(np.mean(one))
        for one in (
            *(found.nothing_all, found.play_all),
            *(found.nothing_95, found.play_95, found.list_95, found.by_time_95),
        )
    ]
    widths = (10, 7, 10, 7, 7, 9)
    seconds = "".join(
        f"{cell:{width}.0f}" for cell, width in zip(cells, widths, strict=True)
    )
    print(
        f"{ap:.2f}  {precision:.2f}  {recall:.2f}  {np.mean(found.silent):7.2f}"
        f"{seconds}   {held[0]:.2f} {held[1]:.2f} of {len(found.covered)}",
        flush=True,
    )


def _annotate(match: TimedMatch, options: SpottingOptions, found: Seconds) -> None:
    truth = _truth(match)
    suggestions = suggestions_at(match, options)
    each = 60 / truth.duration_s
    found.start.append(Session(truth, suggestions).quality())
    found.silent.append(_silent_share(truth, suggestions))
    found.nothing_all.append(from_nothing(truth, 1.0) * each)
    found.nothing_95.append(from_nothing(truth, ENOUGH) * each)
    for enough, seconds in ((1.0, found.play_all), (ENOUGH, found.play_95)):
        session = Session(truth, suggestions)
        play(session, enough)
        seconds.append(session.spent_s * each)
    for is_by_time, seconds in ((False, found.list_95), (True, found.by_time_95)):
        session = Session(truth, suggestions)
        covered = [] if is_by_time else found.covered
        go_through_list(session, ENOUGH, covered, is_by_time=is_by_time)
        seconds.append(session.spent_s * each)


def suggestions_at(match: TimedMatch, options: SpottingOptions) -> list[Suggestion]:
    """List suggestions and ghosts as the service does."""
    shown = find_spots(match.timeline, options)
    floor = {
        label: min(one.threshold, GHOST_FLOOR) for label, one in options.labels.items()
    }
    lowered = SpottingOptions(
        {
            label: type(one)(floor[label], one.window_s, one.nms)
            for label, one in options.labels.items()
        },
        options.temperature,
    )
    places = {(spot.label, spot.frame) for spot in shown}
    return [
        Suggestion(
            suggestion_id(SPACE, spot.label, spot.frame),
            spot.label,
            round(spot.time_s * 1000),
            spot.frame,
            spot.score,
            spot.team,
            (spot.label, spot.frame) not in places,
        )
        for spot in find_spots(match.timeline, lowered)
    ]


def _silent_share(truth: Truth, suggestions: Sequence[Suggestion]) -> float:
    """Give the share of events that nothing hints at, not even a ghost."""
    silent = [
        event
        for event in truth.events
        if not any(
            one.label == event.label
            and abs(one.time_ms - event.time_s * 1000) <= TOLERANCE_MS
            for one in suggestions
        )
    ]
    return len(silent) / max(len(truth.events), 1)


def from_nothing(truth: Truth, enough: float) -> float:
    """Give the seconds from nothing, by the cheaper way."""
    count = int(np.ceil(enough * len(truth.events) - 1e-9))
    events = truth.events[:count]
    end_s = truth.duration_s if enough == 1 else events[-1].time_s
    stopping = end_s + count * ADD_S
    gaps = np.diff([0.0, *(one.time_s for one in events)]) / SLOW
    crowded = int((gaps < TAG_S).sum())
    tagging = end_s / SLOW + crowded * (TAG_S + 2 * KEY_S)
    return min(stopping, tagging)


def play(session: Session, enough: float) -> None:
    """Play the video from where it stands, and set right what is wrong."""
    truth = session.truth
    shown = {one.id: one.time_ms for one in session.events()}
    passing = [
        *((time_ms, event_id, None) for event_id, time_ms in shown.items()),
        *(
            (round(one.time_s * 1000) + TOLERANCE_MS, None, index)
            for index, one in enumerate(truth.events)
        ),
    ]
    at_ms = 0
    for time_ms, event_id, index in sorted(passing, key=lambda one: one[0]):
        if enough < 1 and min(session.quality()) >= enough:
            return
        session.spent_s += (time_ms - at_ms) / 1000
        at_ms = session.stretch_ms = time_ms
        if event_id is not None:
            _pass_by(session, event_id)
        elif index is not None and index not in session.claimed.values():
            session.spent_s += ADD_S
            session.add(index)
    if enough == 1 or min(session.quality()) < enough:
        session.spent_s += max(truth.duration_s - at_ms / 1000, 0.0)


def _pass_by(session: Session, event_id: UUID) -> None:
    """Leave a right suggestion and a ghost that is none; set right all others."""
    event = next((one for one in session.events() if one.id == event_id), None)
    if event is None or event.state != "suggested":
        return
    outcome = session.decide(event)
    is_as_shown = outcome == ("rejected" if event.is_ghost else "accepted")
    session.spent_s += 0.0 if is_as_shown else FIX_S


def go_through_list(
    session: Session,
    enough: float,
    covered: list[tuple[bool, bool]],
    *,
    is_by_time: bool,
) -> None:
    """Decide in the order of the review; play the video if that is not enough.

    Args:
        covered: takes whether both intervals of the estimate held the truth.
        is_by_time: take the same list by time, as one would without an order.
    """
    while min(session.quality()) < enough:
        items, estimate = session.plan()
        covered.append(_holds(estimate, session))
        if is_by_time:
            items.sort(key=lambda item: item.event.place)
        if not items:
            play(session, enough)
            return
        for item in items[:PLAN_AGAIN_AFTER]:
            outcome = session.decide(item.event)
            session.spent_s += DECIDE_S
            session.spent_s += KEY_S if outcome == "edited" else 0.0
            if min(session.quality()) >= enough:
                return


def _holds(estimate: Estimate, session: Session) -> tuple[bool, bool]:
    """Say whether both intervals hold the truth."""
    found = (estimate.overall.precision, estimate.overall.recall)
    true = session.quality()
    precision, recall = (
        one is None or one.low - 1e-9 <= value <= one.high + 1e-9
        for one, value in zip(found, true, strict=True)
    )
    return precision, recall


def _truth(match: TimedMatch) -> Truth:
    events = sorted(match.events, key=lambda one: one.time_s)
    return Truth(events, float(match.timeline.time_s[-1]))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("matches", type=Path, help="a folder of labelled matches")
    parser.add_argument("--curves", type=Path, required=True, help="kept here")
    parser.add_argument("--model", help="name or path of the checkpoint")
    parser.add_argument("--seeds", type=int, default=3, help="of each worse model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
