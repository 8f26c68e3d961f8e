"""Check a data set before a long training run.

Finds what ruined earlier work: labels off the video, wrong frame rates, times rounded
to seconds, duplicates, unknown labels, one match in two splits.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from model.data.finding import Finding
from model.data.label_checks import (
    EDGE_S,
    NEAR_S,
    is_rounded,
    long_gap,
    near_duplicates,
    unit_hint,
)
from model.data.labels import Event, Match, MatchLabels
from model.data.set_checks import same_label_twice, same_twice
from model.errors import ModelError

RATE_SLACK = 0.005
LENGTH_SLACK, LENGTH_SLACK_S = 0.01, 2.0
_OTHER_VIDEO = "wrong video, wrong half, or a wrong frame rate."


class Facts(Protocol):
    """What is asked of a probe."""

    @property
    def duration_s(self) -> float | None:
        """Length of the video, in seconds."""

    @property
    def fps(self) -> float | None:
        """Frames a second."""

    @property
    def is_truncated(self) -> bool:
        """Whether the file ends before its header says."""


Probe = Callable[[Path], Facts]


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A line of the table.

    Attributes:
        name: of the match.
        minutes: length, None if the video cannot be read.
        fps: of the video.
        counts: events by label.
        longest_gap_s: the longest stretch without an event.
    """

    name: str
    minutes: float | None
    fps: float | None
    counts: Mapping[str, int]
    longest_gap_s: float


@dataclass(frozen=True, slots=True)
class Review:
    """All that a check has found.

    Attributes:
        rows: one a match.
        findings: faults, in the order of the matches.
    """

    rows: tuple[MatchRow, ...]
    findings: tuple[Finding, ...]

    @property
    def is_fit(self) -> bool:
        """Whether nothing fatal was found."""
        return not any(finding.is_fatal for finding in self.findings)


def review(
    matches: Sequence[Match],
    *,
    probe: Probe,
    known_labels: Iterable[str] | None = None,
) -> Review:
    """Check labels against their videos and against each other.

    Args:
        matches: of one folder.
        probe: reads the facts of a video; what it raises becomes a finding.
        known_labels: the classes there may be; None allows any.
    """
    rows, findings = [], []
    for match in matches:
        duration_s = fps = None
        try:
            facts = probe(match.video)
            duration_s, fps = facts.duration_s, facts.fps
            if facts.is_truncated:
                text = f"{match.video} is cut off: copy it again, or remove it."
                findings.append(Finding(match.name, "truncated", text))
        except ModelError as exc:
            text = f"{match.video} cannot be read: {exc} Re-encode or remove it."
            findings.append(Finding(match.name, exc.code, text))
        rows.append(_row(match, duration_s, fps))
        findings += check_labels(
            replace(match.labels, name=match.name),
            duration_s=duration_s,
            fps=fps,
            known_labels=known_labels,
        )
    findings += [*same_twice(matches), *same_label_twice(matches)]
    return Review(tuple(rows), tuple(findings))


def check_labels(
    labels: MatchLabels,
    *,
    duration_s: float | None,
    fps: float | None,
    known_labels: Iterable[str] | None = None,
) -> list[Finding]:
    """Find what is wrong with the labels of one match; None facts are not used."""
    found = _against_video(labels, duration_s, fps)

    def report(kind: str, text: str, *, is_fatal: bool = True) -> None:
        found.append(Finding(labels.name, kind, text, is_fatal))

    for note in labels.notes:
        report("note", f"{labels.source.name} {note}.", is_fatal=False)
    if not labels.events:
        report("no_events", "has no event: remove it or label it.", is_fatal=False)
    # Where somebody has looked at every event, a gap is one.
    is_told = labels.reviewed is not None
    if not is_told and (gap := long_gap(labels.events, duration_s=duration_s)):
        report(
            "long_gap",
            f"has no event from {gap[0]:.0f} to {gap[1]:.0f} s: what happens there "
            "unlabelled is trained as background.",
            is_fatal=False,
        )
    if is_rounded(labels.events):
        report(
            "whole_seconds",
            "the times are whole seconds: events are off by up to a second. Take the "
            "unrounded positions.",
        )
    duplicates = [key for key, n in Counter(map(_key, labels.events)).items() if n > 1]
    if duplicates:
        first = duplicates[0]
        report(
            "duplicates",
            f"{len(duplicates)} events are there twice, the first is {first[0]} at "
            f"{first[1]:.3f} s: keep one of each.",
        )
    near = near_duplicates(labels.events)
    if near:
        report(
            "near_doubles",
            f"{len(near)} pairs of one label are less than {NEAR_S:g} s apart, the "
            f"first is at {near[0]:.3f} s: labelled twice?",
            is_fatal=False,
        )
    if known_labels is not None:
        unknown = sorted({e.label for e in labels.events} - set(known_labels))
        if unknown:
            report("unknown_labels", f"unknown labels {unknown}: typing errors?")
    return found


def _against_video(
    labels: MatchLabels, duration_s: float | None, fps: float | None
) -> list[Finding]:
    """Compare what labels state about their video with the video."""
    found = []
    unit = unit_hint(labels.events, duration_s=duration_s, fps=fps)
    late = [
        event
        for event in labels.events
        if duration_s is not None and event.time_s > duration_s + EDGE_S
    ]
    if late:
        text = (
            f"{len(late)} of {len(labels.events)} events lie beyond the video's "
            f"{duration_s:.1f} s, the last at {late[-1].time_s:.1f} s: "
            + (f"they look like {unit}." if unit else _OTHER_VIDEO)
        )
        found.append(Finding(labels.name, "beyond_video", text))
    elif unit is not None:
        text = (
            f"the times look like {unit}: {len(labels.events)} events come every "
            f"{labels.events[-1].time_s / len(labels.events) * 1000:.0f} ms. Name the "
            "column after its unit, or convert the file."
        )
        found.append(Finding(labels.name, "wrong_unit", text))
    if fps and labels.fps and abs(fps / labels.fps - 1) > RATE_SLACK:
        text = (
            f"labels say {labels.fps:g} fps, the video has {fps:g}: frame numbers "
            f"would be off by {abs(fps / labels.fps - 1) * 60:.1f} s a minute. State "
            "the video's own rate."
        )
        found.append(Finding(labels.name, "wrong_rate", text))
    elif labels.fps and labels.frame_count and duration_s is not None:
        stated_s = labels.frame_count / labels.fps
        if abs(stated_s - duration_s) > max(LENGTH_SLACK_S, LENGTH_SLACK * duration_s):
            text = (
                f"labels say that the video lasts {stated_s:.1f} s, it lasts "
                f"{duration_s:.1f} s: they are another video's, or it was cut."
            )
            found.append(Finding(labels.name, "wrong_length", text))
    return found


def _key(event: Event) -> tuple[str, float]:
    """Give what two rows of one event share, whatever team they name."""
    return event.label, event.time_s


def _row(match: Match, duration_s: float | None, fps: float | None) -> MatchRow:
    times = [event.time_s for event in match.labels.events]
    edges = [
        0.0,
        *times,
        duration_s if duration_s is not None else max(times, default=0),
    ]
    gaps = [later - earlier for earlier, later in pairwise(edges)]
    return MatchRow(
        name=match.name,
        minutes=None if duration_s is None else duration_s / 60,
        fps=fps,
        counts=Counter(event.label for event in match.labels.events),
        longest_gap_s=max(gaps, default=0.0),
    )
