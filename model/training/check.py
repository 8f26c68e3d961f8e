"""Look a data set over before hours are spent on it.

Finds what ruined earlier work: labels off the video, rates that lie, times rounded
to seconds, doubles, unknown labels, one match in two splits.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from model.errors import ModelError
from model.training.annotations import Event, Match, MatchLabels

ROUNDED_SHARE = 0.8
ROUNDED_EVENTS = 10
EDGE_S = 0.002
LONG_GAP_S = 60.0
RATE_SLACK = 0.005


class Facts(Protocol):
    """What is asked of a probe."""

    @property
    def duration_s(self) -> float | None:
        """Length of the video, in seconds."""

    @property
    def fps(self) -> float | None:
        """Frames a second."""


Probe = Callable[[Path], Facts]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a data set.

    Attributes:
        match: where; or the names of two matches.
        kind: stable name of the fault.
        text: what it is and what to do.
        is_fatal: training on it would be wrong, not merely poorer.
    """

    match: str
    kind: str
    text: str
    is_fatal: bool = True


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
        except ModelError as exc:
            text = f"{match.video} cannot be read: {exc} Re-encode or remove it."
            findings.append(Finding(match.name, exc.code, text))
        rows.append(_row(match, duration_s, fps))
        findings += check_labels(
            match.labels, duration_s=duration_s, fps=fps, known_labels=known_labels
        )
    findings += same_twice(matches)
    return Review(tuple(rows), tuple(findings))


def check_labels(
    labels: MatchLabels,
    *,
    duration_s: float | None,
    fps: float | None,
    known_labels: Iterable[str] | None = None,
) -> list[Finding]:
    """Find what is wrong with the labels of one match; None facts are not used."""
    found: list[Finding] = []

    def report(kind: str, text: str, *, is_fatal: bool = True) -> None:
        found.append(Finding(labels.name, kind, text, is_fatal))

    if not labels.events:
        report("no_events", "has no event: remove it or label it.", is_fatal=False)
    if duration_s is not None:
        late = [e for e in labels.events if e.time_s > duration_s + EDGE_S]
        if late:
            report(
                "beyond_video",
                f"{len(late)} of {len(labels.events)} events lie beyond the video's "
                f"{duration_s:.1f} s, the last at {late[-1].time_s:.1f} s: wrong "
                "video, wrong half, or a wrong frame rate.",
            )
    if fps and labels.fps and abs(fps / labels.fps - 1) > RATE_SLACK:
        report(
            "wrong_rate",
            f"labels say {labels.fps:g} fps, the video has {fps:g}: frame numbers "
            f"would be off by {abs(fps / labels.fps - 1) * 60:.1f} s a minute. "
            "State the video's own rate.",
        )
    if is_rounded(labels.events):
        report(
            "whole_seconds",
            "the times are whole seconds: events are off by up to a second. Take the "
            "unrounded positions.",
        )
    doubles = [event for event, n in Counter(labels.events).items() if n > 1]
    if doubles:
        first = doubles[0]
        report(
            "duplicates",
            f"{len(doubles)} events are there twice, the first is {first.label} at "
            f"{first.time_s:.3f} s: keep one of each.",
        )
    if known_labels is not None:
        strange = sorted({e.label for e in labels.events} - set(known_labels))
        if strange:
            report("unknown_labels", f"unknown labels {strange}: typing errors?")
    return found


def is_rounded(events: Sequence[Event]) -> bool:
    """Tell whether most times are whole seconds, which chance does not do."""
    if len(events) < ROUNDED_EVENTS:
        return False
    whole = sum(abs(e.time_s - round(e.time_s)) < EDGE_S for e in events)
    return whole >= ROUNDED_SHARE * len(events)


def same_twice(matches: Sequence[Match]) -> list[Finding]:
    """Find matches that are in a set twice, by event times or by file contents."""
    found = []
    seen: dict[tuple[object, ...], Match] = {}
    for match in matches:
        marks = _marks(match)
        other = next((seen[mark] for mark in marks if mark in seen), None)
        if other is not None:
            found.append(_same(match, other, "remove one."))
        seen.update(dict.fromkeys(marks, match))
    return found


def leaks(
    train: Sequence[Match], val: Sequence[Match], *, parts: tuple[str, str]
) -> list[Finding]:
    """Find matches that are on both sides of a split; `parts` names the sides."""
    seen = {mark: match for match in train for mark in _marks(match)}
    found = []
    for match in val:
        other = next((seen[mark] for mark in _marks(match) if mark in seen), None)
        if other is not None:
            advice = (
                f"what is learnt in {parts[0]} would be tested in {parts[1]}. Remove "
                "it from one of them."
            )
            found.append(_same(match, other, advice))
    return found


def missing_labels(train: Sequence[Match], val: Sequence[Match]) -> list[Finding]:
    """Find the labels that validation has and training lacks."""
    have = {event.label for match in train for event in match.labels.events}
    found: dict[str, str] = {}
    for match in val:
        for event in match.labels.events:
            if event.label not in have:
                found.setdefault(event.label, match.name)
    text = "has {}, which no training match has: move a match over, or leave it out"
    return [
        Finding(name, "label_missing", text.format(label))
        for label, name in sorted(found.items())
    ]


def _same(match: Match, other: Match, advice: str) -> Finding:
    text = f"is the same match as {other.name}: {advice}"
    return Finding(match.name, "same_match", text)


def _marks(match: Match) -> list[tuple[object, ...]]:
    """By what a match is known: its file, and its events if there are enough."""
    marks: list[tuple[object, ...]] = []
    if match.video.is_file():
        with match.video.open("rb") as file:
            head = file.read(65536)
        marks.append(("file", match.video.stat().st_size, head))
    events = match.labels.events
    if len(events) >= ROUNDED_EVENTS:
        marks.append(("events", *events))
    return marks


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
