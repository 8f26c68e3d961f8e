"""Seconds of an annotator's work for a stretch, by the costs of `benchmarks.review`."""

from dataclasses import replace

from benchmarks.review import from_nothing, play, suggestions_at
from benchmarks.review_annotator import Session, Truth
from benchmarks.teaching.stretches import Stretch
from model.checkpoint.spotting_options import SpottingOptions
from model.data.labels import Event, Match
from model.evaluation.timed import TimedMatch


def truth_of(match: Match, stretch: Stretch) -> Truth:
    """Give what happens in a stretch, by its own time."""
    start_s, end_s = stretch.span
    events = [
        Event(one.label, one.time_s - start_s)
        for one in match.labels.events
        if start_s <= one.time_s < end_s
    ]
    return Truth(sorted(events, key=lambda one: one.time_s), end_s - start_s)


def without_suggestions(match: Match, stretch: Stretch) -> float:
    """Give the seconds to label a stretch from nothing, by the cheaper way."""
    truth = truth_of(match, stretch)
    return from_nothing(truth, 1.0) if truth.events else truth.duration_s


def with_suggestions(
    match: Match, timed: TimedMatch, options: SpottingOptions, stretch: Stretch
) -> float:
    """Give the seconds to play a stretch and set right what a model suggests."""
    start_s, end_s = stretch.span
    suggestions = [
        replace(one, time_ms=one.time_ms - round(start_s * 1000))
        for one in suggestions_at(timed, options)
        if start_s <= one.time_ms / 1000 < end_s
    ]
    session = Session(truth_of(match, stretch), suggestions)
    play(session, 1.0)
    return session.spent_s
