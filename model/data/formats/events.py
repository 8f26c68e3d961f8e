"""Events on their way into a file and out of one, whatever its format."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from model.data.formats.provenance import Provenance
from model.errors import BadAnnotations

# About an event, where clips are cut and nobody says otherwise.
LEAD_S, LAG_S = 5.0, 3.0

NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})
ATTRIBUTE = "attribute:"  # before the name of one that is called like a format's own


def written_name(name: str, *, is_taken: bool) -> str:
    """Name an attribute in a file, so that it is taken for nothing else."""
    return f"{ATTRIBUTE}{name}" if is_taken or name.startswith(ATTRIBUTE) else name


def read_name(written: str) -> str:
    """Give back what `written_name` was given."""
    return written.removeprefix(ATTRIBUTE)


class EventFacts(NamedTuple):
    """What a file may tell of an event.

    Attributes:
        id: of the event, unique in its timeline.
        label: its type.
        time_ms: from the start, as players show.
        frame: index in the source, from 0; None if unknown.
        score: the network's belief; None where a person said it.
        team: the side that did it, if it is known.
        attributes: what else is known of it.
    """

    id: str
    label: str
    time_ms: int
    frame: int | None
    score: float | None
    team: str | None = None
    attributes: Mapping[str, str] = NO_ATTRIBUTES


def by_time(events: Iterable[EventFacts]) -> list[EventFacts]:
    """Sort events by time, for formats in which their order means something."""
    return sorted(events, key=lambda event: event.time_ms)


@dataclass(frozen=True, slots=True)
class ExportedVideo:
    """What a file may tell of the video, and how clips are cut about events.

    Attributes:
        name: its title, the name of its file, or its id.
        fps: frames per second; None if unknown.
        is_constant: all frames are shown for as long, as far as is known.
        duration_s: its length; None if unknown.
        frame_count: its frames; None if unknown.
        half_starts_s: when each half of the match starts, for formats that count from
            there; none: everything is told from the video's start.
        lead_s: how long before an event its clip begins, where a format needs one.
        lag_s: how long after it the clip ends.
        provenance: where the events come from, for formats that can tell; None:
            nothing is told.
    """

    name: str
    fps: float | None
    is_constant: bool = True
    duration_s: float | None = None
    frame_count: int | None = None
    half_starts_s: tuple[float, ...] = ()
    lead_s: float = LEAD_S
    lag_s: float = LAG_S
    provenance: Provenance | None = None

    @property
    def grid_fps(self) -> float | None:
        """The rate by which other programs turn times into frames; None: they cannot.

        Times are adjusted to it, so as to come back to the same frame.
        """
        return self.fps if self.is_constant else None


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event as a file has it; `time_s` or `frame` may be missing, not both.

    Attributes:
        where: in the file, for messages: "row 3".
        label: its type.
        time_s: seconds from the start of its video.
        frame: index in the source, from 0.
        score: the belief of a network; None in labels.
        team: the side it belongs to.
        attributes: what else the file says.
    """

    where: str
    label: str
    time_s: float | None = None
    frame: int | None = None
    score: float | None = None
    team: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportedEvent:
    """An event whose time is known; the rest is as in `ReadEvent`.

    Attributes:
        where: in the file, for messages: "row 3".
        label: its type, without space about it.
        time_s: seconds from the start of its video, >= 0.
        frame: index in the source, from 0; None where no clock was given.
        score: the belief of a network, 0 to 1; None in labels.
        team: the side it belongs to.
        attributes: what else the file says.
    """

    where: str
    label: str
    time_s: float
    frame: int | None = None
    score: float | None = None
    team: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadVideo:
    """What a file has of one video.

    Attributes:
        events: in the file's order.
        name: as the file calls it; None if it does not.
        half: of the match, for files with an event list over several.
        fps: the rate that the file claims.
        frame_count: the length that the file claims.
        provenance: where the events come from, if the file tells; its times are of the
            same clock as the events.
    """

    events: tuple[ReadEvent, ...]
    name: str | None = None
    half: int | None = None
    fps: float | None = None
    frame_count: int | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a file that cannot be taken over.

    Attributes:
        where: in the file: "row 3".
        text: what is wrong with it, to go on after that: "has no label".
        is_outside: it lies before the video's start or beyond its end.
    """

    where: str
    text: str
    is_outside: bool = False

    def __str__(self) -> str:
        return f"{self.where} {self.text}"


@dataclass(slots=True)
class ReadFile:
    """What a reader makes of a file.

    Attributes:
        videos: with their events.
        problems: parts that could not be read; the others were.
        notes: what the user should know: an encoding that was assumed.
    """

    videos: list[ReadVideo] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class NeedsOption(BadAnnotations):  # names the condition
    """A file can be read in more than one way, and only its owner knows which.

    Attributes:
        option: that decides, as `ReadOptions` calls it.
        choices: what it may be, where there are few.
    """

    def __init__(self, option: str, text: str, choices: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.option = option
        self.choices = choices


@dataclass(frozen=True, slots=True)
class Need:
    """A question that must be answered before a file can be read.

    Attributes:
        option: of `ReadOptions` that answers it.
        text: the question.
        choices: the answers, where there are few.
    """

    option: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedEvents:
    """What a file would bring in: shown first, then applied.

    Attributes:
        format: name of the format it was read as.
        events: by time, then type.
        problems: what was left out, and why.
        unmapped: labels that are not among the known ones, and how many events have
            each; such events are among `events` under the file's own label.
        suggestions: of those, the known label that differs in case alone.
        needs: questions; as long as there is one, there are no events.
        notes: what the user should know.
        provenance: where the events come from, if the file tells.
    """

    format: str
    events: tuple[ImportedEvent, ...] = ()
    problems: tuple[Problem, ...] = ()
    unmapped: Mapping[str, int] = field(default_factory=dict)
    suggestions: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """Count the events by label, the most frequent first."""
        return dict(Counter(event.label for event in self.events).most_common())
