"""What a format of event files has to offer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Literal

from model.data.formats.clock import Clock
from model.data.formats.events import EventFacts, ExportedVideo, ReadFile
from model.data.formats.text import TimeFormat, decode_text
from model.errors import BadAnnotations

Frames = Literal["all", "constant", "none"]
Carries = Literal["all", "summary", "none"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Answers to what a file does not say.

    Attributes:
        clock: of the video, for what counts frames.
        encoding: of a text file.
        delimiter: between the cells of a table.
        time_format: how times are written.
        lead_s: how long after the start of an instance its event is.
        label_from: what names the type, where two things do: "tier" or "value".
        video: whose events, where a file has those of several.
        half: of the match, where a file has several.
        half_starts_s: when each half starts in the video, where all are in it.
        head: which list of labels, where a file has several.
        known_half_starts_s: when each half starts by what is known of the match: taken
            where the file counts from there and neither of the two above is told.
    """

    clock: Clock | None = None
    encoding: str | None = None
    delimiter: str | None = None
    time_format: TimeFormat | None = None
    lead_s: float | None = None
    label_from: str | None = None
    video: str | None = None
    half: int | None = None
    half_starts_s: tuple[float, ...] = ()
    head: str | None = None
    known_half_starts_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A file whose format is to be told.

    Attributes:
        data: all its bytes.
        suffix: of its name, small, with the dot; empty if it has no name.
    """

    data: bytes
    suffix: str = ""

    @cached_property
    def json(self) -> Any:
        """Its content if it is JSON, else None."""
        head = self.data[:64].lstrip(b"\xef\xbb\xbf\xfe\xff\0 \r\n\t")
        if head[:1] not in _JSON_HEADS:
            return None
        try:
            return json.loads(self.data)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def text(self) -> str:
        """Its text if it is text, else nothing."""
        try:
            return decode_text(self.data)[0]
        except BadAnnotations:
            return ""

    @cached_property
    def lines(self) -> list[str]:
        """Its first lines that are not empty."""
        lines = (line.strip() for line in self.text[:20_000].splitlines())
        return [line for line in lines if line][:50]


_JSON_HEADS = (b"{", b"[", b"")


@dataclass(frozen=True, slots=True)
class Holds:
    """What comes back from a file of a format that was written to it.

    Attributes:
        frames: every frame ("all": of a variable rate, too), or those of a constant
            rate, or none.
        score: the scores.
        team: the teams.
        attributes: what else is known of an event.
        provenance: where events come from: all of it, all but the history of edits
            ("summary"), or none of it.
        loses: in words, what else it cannot hold; empty if nothing.
    """

    frames: Frames
    score: bool = False
    team: bool = False
    attributes: bool = False
    provenance: Carries = "none"
    loses: str = ""


Read = Callable[[bytes, ReadOptions], ReadFile]
Write = Callable[[Sequence[EventFacts], ExportedVideo], str]


@dataclass(frozen=True, slots=True)
class EventFormat:
    """A format of files with events.

    Attributes:
        name: as users give it: `format=`, `--format`, `--from`.
        title: for sentences.
        suffix: of its files, without a dot.
        media_type: of its files.
        is_like: whether a file seems to be of this format.
        holds: what a round trip keeps.
        read: reads a file; raises BadAnnotations, NeedsOption. None: only written.
        write: makes the text of a file; raises CannotWrite. None: only read.
        package: a library it needs that not every install has.
        has_time_formats: `ReadOptions.time_format` says how its times are written.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    is_like: Callable[[Sample], bool]
    holds: Holds
    read: Read | None = None
    write: Write | None = None
    package: str | None = None
    has_time_formats: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether the library that it needs is there."""
        return self.package is None or find_spec(self.package) is not None

    @property
    def how_to_install(self) -> str:
        """What to do where it is not."""
        return f"{self.title} needs {self.package}: pip install 'touchline[formats]'"
