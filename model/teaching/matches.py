"""What a data set has to teach: its matches by part, under their mapped names.

Without torch and without pictures. Only reviewed stretches are truth; labels that do
not say what is reviewed are complete.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from model.data.formats.provenance import Span, joined_spans
from model.data.labels import Event, Match, MatchLabels, label_names
from model.data.matches import find_matches
from model.data.splits import Split, read_split
from model.errors import BadAnnotations
from model.reporter import Reporter
from model.teaching.options import TeachOptions
from model.training.false_alarms import FalseAlarm, read_false_alarms
from model.training.out_of_fold import ALARM_FLOOR

SPLIT = "split.json"
FALSE_ALARMS = "false_alarms.json"

TO_THE_END_S = 1e6
"""Where a match that is labelled all through ends: after any video."""

SAME_TIME_S = 0.1


@dataclass(frozen=True, slots=True)
class TeachData:
    """What there is to teach.

    Attributes:
        matches: each once, with all that is known of it.
        train: to teach from.
        val: to stop by: a part in which something happens that is taught, if one has.
        test: measured with `val` at the end.
        alarms: what people rejected in training stretches.
        names: of the labels, as they were before they were mapped.
        notes: what a person should know.
    """

    matches: tuple[Match, ...]
    train: tuple[Match, ...]
    val: tuple[Match, ...]
    test: tuple[Match, ...]
    alarms: tuple[FalseAlarm, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holdout(self) -> Mapping[str, tuple[Span, ...]]:
        """The stretches that nothing is taught from, by match."""
        spans: dict[str, list[Span]] = {}
        for match in (*self.val, *self.test):
            spans.setdefault(match.name, []).extend(spans_of(match))
        return {name: joined_spans(of) for name, of in spans.items()}


def spans_of(match: Match) -> tuple[Span, ...]:
    """Give the stretches of a match in which all events are labelled."""
    reviewed = match.labels.reviewed
    return ((0.0, TO_THE_END_S),) if reviewed is None else reviewed


def count_events(matches: Sequence[Match]) -> dict[str, int]:
    """Count events by type, the most frequent first."""
    found = Counter(event.label for one in matches for event in one.labels.events)
    return dict(found.most_common())


def read_data(
    dataset: Path,
    options: TeachOptions,
    *,
    report: Reporter,
    is_decoded: Callable[[Match], bool] = lambda _: False,
) -> TeachData:
    """Read a data set as `touchline dataset export` writes it.

    A match whose video has gone is left out, with a note.

    Args:
        dataset: the folder.
        options: what to teach.
        report: takes the notes.
        is_decoded: whether a match's video is needed no longer.

    Raises:
        BadAnnotations: it is none, nothing of it is reviewed, or nothing is left to
            teach from or to measure by.
    """
    notes: list[str] = []

    def note(line: str) -> None:
        notes.append(line)
        report(line)

    gone: list[str] = []
    try:
        found = find_matches(dataset, on_missing=lambda exc: gone.append(str(exc)))
    except BadAnnotations:
        if not gone:
            raise
        found = []
    there = [match for match in found if match.video.is_file() or is_decoded(match)]
    gone += [f"{m.name}: its video has gone" for m in found if m not in there]
    for text in gone:
        note(f"left out {text}")
    split = _split_of(dataset, there, note)
    matches = [_as_mapped(match, options) for match in there]
    parts = {
        part: _not_empty(split.take(matches, part)) for part in ("train", "val", "test")
    }
    _refuse_empty(parts)
    if clashes := sum(_clashes(match.labels.events) for match in matches):
        note(
            f"{clashes} moments have events of different types at one time: labels "
            "that contradict each other teach both; review them if that is not meant"
        )
    alarms = _alarms(dataset, parts["train"])
    train, val, test = (tuple(parts[part]) for part in ("train", "val", "test"))
    taught = count_events(train).keys()
    if taught.isdisjoint(count_events(val)) and not taught.isdisjoint(
        count_events(test)
    ):
        val, test = test, val  # Where nothing happens, nothing says when to stop.
    names = label_names(there)
    return TeachData(tuple(matches), train, val, test, alarms, names, tuple(notes))


def _split_of(dataset: Path, matches: Sequence[Match], note: Reporter) -> Split:
    """Read the split and take out what is not there."""
    path = dataset / SPLIT
    if not path.is_file():
        raise BadAnnotations(
            f"{dataset} has no {SPLIT}: make one with `touchline data split`, or "
            "export the data set with `touchline dataset export`."
        )
    split = read_split(path)
    if split.note:
        note(split.note)
    names = {match.name for match in matches}
    parts = {
        part: tuple(name for name in of if name in names)
        for part, of in split.parts.items()
    }
    return replace(split, parts=parts)


def _as_mapped(match: Match, options: TeachOptions) -> Match:
    """Give events the types they become; what is removed goes."""
    events = []
    for event in match.labels.events:
        target = options.mapping.get(event.label, event.label)
        is_wanted = options.types is None or target in options.types
        if target is not None and is_wanted:
            events.append(replace(event, label=target))
    labels: MatchLabels = replace(
        match.labels, events=tuple(events), reviewed=spans_of(match)
    )
    return replace(match, labels=labels)


def _not_empty(matches: Sequence[Match]) -> list[Match]:
    return [match for match in matches if match.labels.reviewed]


def _refuse_empty(parts: Mapping[str, Sequence[Match]]) -> None:
    if not parts["train"]:
        raise BadAnnotations(
            "Nothing is reviewed for training: mark stretches of a match as reviewed, "
            "then export the data set again."
        )
    if not parts["val"] and not parts["test"]:
        raise BadAnnotations(
            "Nothing is held out to measure by: review more, and export the data set "
            "again, which splits it."
        )


def _clashes(events: Sequence[Event]) -> int:
    """Count neighbours of different types at one time."""
    return sum(
        one.label != other.label and other.time_s - one.time_s < SAME_TIME_S
        for one, other in pairwise(events)
    )


def _alarms(dataset: Path, train: Sequence[Match]) -> tuple[FalseAlarm, ...]:
    """Read what people rejected, sure suggestions first of all to be learned from."""
    path = dataset / FALSE_ALARMS
    if not path.is_file():
        return ()
    names = {match.name for match in train}
    return tuple(
        replace(alarm, score=max(alarm.score, ALARM_FLOOR))
        for alarm in read_false_alarms(path)
        if alarm.match in names
    )
