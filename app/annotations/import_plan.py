"""What an import comes to: what is new, what is there already; pure, no session."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from app.annotations.changes import MAX_ATTRIBUTES, Change
from app.annotations.merge import TimelineEvent
from app.annotations.states import TEAM, State
from app.core.http.texts import storable_text
from app.timelines.schemas import AttributeName
from model.data.formats.events import ImportedEvent, ImportedEvents, Problem

_ATTRIBUTES: TypeAdapter[dict[str, str]] = TypeAdapter(
    Annotated[
        dict[
            AttributeName,
            Annotated[str, Field(max_length=2000), AfterValidator(storable_text)],
        ],
        Field(max_length=MAX_ATTRIBUTES),
    ]
)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An event of a file that is not taken over, for it is there.

    Attributes:
        event_id: of the event that is there; None: it stands in the file twice.
        state: of that event.
    """

    event: ImportedEvent
    event_id: UUID | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import comes to.

    Attributes:
        new: what is added, by time, with frames.
        duplicates: what is there already, by time.
        unknown: types that the video cannot have, and how many events have each.
        suggestions: of those, the type that differs in case alone.
        problems: what else cannot be taken over.
    """

    file: ImportedEvents
    new: tuple[ImportedEvent, ...]
    duplicates: tuple[Duplicate, ...]
    unknown: Mapping[str, int]
    suggestions: Mapping[str, str]
    problems: tuple[Problem, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all events of the file are taken over, or are there."""
        return not self.unknown and not self.problems

    def changes(self) -> list[Change]:
        """Give the corrections that add what is new."""
        return [
            Change(
                label=event.label,
                frame=event.frame,
                attributes=_attributes_of(event) or None,
            )
            for event in self.new
        ]


def plan_import(
    file: ImportedEvents,
    there: Iterable[TimelineEvent],
    *,
    known_labels: Collection[str],
    tolerance_ms: int,
) -> Plan:
    """Compare a file's events with those of a timeline.

    An event is there already if one of the same type lies within the tolerance, in
    whatever state: also one that a person has rejected. Each event that is there
    stands for one of the file at most: the one at its very frame, else the earliest.

    Args:
        file: its events have frames.
        there: the events of the timeline, of all states.
        known_labels: the types that the video can have.
    """
    known = frozenset(known_labels)
    fit, problems = _check(event for event in file.events if event.label in known)
    unknown = Counter(event.label for event in file.events if event.label not in known)
    folded = {label.casefold(): label for label in known}
    near = {one: folded.get(one.casefold()) for one in unknown}
    single, twice = _without_repeats(fit)
    found = _find_duplicates(single, list(there), tolerance_ms)
    duplicates = [*twice, *found.values()]
    return Plan(
        file,
        new=tuple(event for place, event in enumerate(single) if place not in found),
        duplicates=tuple(sorted(duplicates, key=lambda one: one.event.time_s)),
        unknown=dict(unknown.most_common()),
        suggestions={one: label for one, label in near.items() if label is not None},
        problems=(*file.problems, *problems),
    )


def _check(
    events: Iterable[ImportedEvent],
) -> tuple[list[ImportedEvent], list[Problem]]:
    """Tell apart what can be stored and what cannot."""
    fit, problems = [], []
    for event in events:
        try:
            _ATTRIBUTES.validate_python(_attributes_of(event))
        except ValidationError as exc:
            first = exc.errors()[0]
            name = first["loc"][0] if first["loc"] else "attributes"
            text = f"has an attribute that cannot be stored, {name!r}: {first['msg']}"
            problems.append(Problem(event.where, text))
        else:
            fit.append(event)
    return fit, problems


def _attributes_of(event: ImportedEvent) -> dict[str, str]:
    team = {} if event.team is None else {TEAM: event.team}
    return {**event.attributes, **team}


def _without_repeats(
    events: Iterable[ImportedEvent],
) -> tuple[list[ImportedEvent], list[Duplicate]]:
    """Leave out what stands in the file twice, to the last attribute."""
    seen: set[object] = set()
    single, twice = [], []
    for event in events:
        attributes = frozenset(_attributes_of(event).items())
        key = (event.label, event.frame, attributes)
        if key in seen:
            twice.append(Duplicate(event))
        else:
            seen.add(key)
            single.append(event)
    return single, twice


def _find_duplicates(
    events: Sequence[ImportedEvent], there: Sequence[TimelineEvent], tolerance_ms: int
) -> dict[int, Duplicate]:
    """Find the events that are there, by their place among `events`."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        by_label[event.label].append(place)
    there_by_label: dict[str, list[TimelineEvent]] = defaultdict(list)
    for one in there:
        there_by_label[one.label].append(one)
    found: dict[int, Duplicate] = {}
    for label, places in by_label.items():
        for place, one in _pair(events, places, there_by_label[label], tolerance_ms):
            found[place] = Duplicate(events[place], one.id, one.state)
    return found


def _pair(
    events: Sequence[ImportedEvent],
    places: Sequence[int],
    there: Sequence[TimelineEvent],
    tolerance_ms: int,
) -> list[tuple[int, TimelineEvent]]:
    """Pair events of one type one to one: of one frame first, then as many as can be.

    Of what is sorted, taking the first that is near enough pairs the most.
    """
    at_frame: dict[int, list[TimelineEvent]] = defaultdict(list)
    for one in there:
        at_frame[one.frame].append(one)
    pairs, rest, used = [], [], set()
    for place in places:
        frame = events[place].frame
        same = at_frame.get(frame) if frame is not None else None
        if same:
            one = same.pop()
            used.add(one.id)
            pairs.append((place, one))
        else:
            rest.append(place)
    free = sorted((one for one in there if one.id not in used), key=_time_ms)
    index = 0
    for place in sorted(rest, key=lambda place: events[place].time_s):
        time_ms = events[place].time_s * 1000
        while index < len(free) and free[index].time_ms < time_ms - tolerance_ms:
            index += 1
        if index < len(free) and free[index].time_ms <= time_ms + tolerance_ms:
            pairs.append((place, free[index]))
            index += 1
    return pairs


def _time_ms(event: TimelineEvent) -> int:
    return event.time_ms
