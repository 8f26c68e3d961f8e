"""Files of events, for every verb that reads one: the same options, the same words."""

import inspect
import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from app.cli.choices import one_of
from model.data.formats.names import FORMAT_NAMES
from model.data.formats.text import TIME_FORMATS

if TYPE_CHECKING:
    from model.data.formats.base import ReadOptions
    from model.data.formats.clock import Clock
    from model.data.formats.events import ImportedEvents

SHOWN_PROBLEMS = 10
LABELS_FROM = ("tier", "value")
DELIMITERS = {"tab": "\t", r"\t": "\t"}  # what a shell makes hard to type
_PLAIN = re.compile(r"[\w.:@/-]+")

# What answers a question of a reader, in words of the command line.
OPTION_OF = {
    "fps": "--fps or --video",
    "encoding": "--encoding",
    "delimiter": "--delimiter",
    "time_format": "--time-format",
    "lead_s": "--lead-in",
    "label_from": "--label-from",
    "video": "--name",
    "half": "--half or --halves",
    "half_starts_s": "--halves",
    "head": "--head",
}


def halves_of(words: str | None) -> list[tuple[float, float | None]]:
    """Read when each half starts, and ends where that is told: `12.5-2712,3600`."""
    halves: list[tuple[float, float | None]] = []
    for part in words.split(",") if words else ():
        start, _, end = part.partition("-")
        try:
            start_s, end_s = float(start), float(end) if end.strip() else None
        except ValueError:
            start_s, end_s = math.nan, None
        before_s = 0.0
        if halves:
            before_s = max(math.nextafter(halves[-1][0], math.inf), halves[-1][1] or 0)
        if not (
            before_s <= start_s < math.inf
            and (end_s is None or start_s < end_s < math.inf)
        ):
            raise typer.BadParameter(
                f"--halves {words!r} should be times in order, such as 0,2890 or "
                "12.5-2712,3600"
            )
        halves.append((start_s, end_s))
    return halves


def renamed(pairs: list[str] | None) -> dict[str, str]:
    """Read new names of types by the old ones: `OLD=NEW`."""
    names = {}
    for pair in pairs or ():
        old, mark, new = pair.partition("=")
        if not (mark and old.strip() and new.strip()):
            raise typer.BadParameter(f"--rename {pair!r}: write it as OLD=NEW")
        names[old.strip()] = new.strip()
    return names


def delimiter_of(word: str | None) -> str | None:
    """Read a character, or the name of a tab."""
    character = DELIMITERS.get(word or "", word)
    if character is not None and len(character) != 1:
        raise typer.BadParameter(f"--delimiter {word!r} is not one character, or tab")
    return character


def _checked(read: Callable[[Any], object]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        read(value)
        return value

    return check


@dataclass(frozen=True, slots=True)
class Reading:
    """What the user says of a file of events; the options are the same for all verbs.

    Each has the name that `OPTION_OF` tells where a file asks for it.
    """

    from_: Annotated[
        str | None,
        typer.Option("--from", **one_of(FORMAT_NAMES, "Format of the events' file.")),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(help="Whose events, where the file has several videos'."),
    ] = None
    half: Annotated[
        int | None,
        typer.Option(min=1, help="Which half, where the file has several."),
    ] = None
    halves: Annotated[
        str | None,
        typer.Option(
            metavar="S[-S],S[-S]",
            help="When each half starts in the video, and when it ends if you like: "
            "0-2712,2890. SoccerNet's files count from there.",
            callback=_checked(halves_of),
        ),
    ] = None
    head: Annotated[
        str | None,
        typer.Option(help="Which list of labels, where the file has several."),
    ] = None
    encoding: Annotated[str | None, typer.Option(help="Of a text file.")] = None
    delimiter: Annotated[
        str | None,
        typer.Option(
            help="Between the cells of a table; tab for a tab.",
            callback=_checked(delimiter_of),
        ),
    ] = None
    time_format: Annotated[
        str | None, typer.Option(**one_of(TIME_FORMATS, "How the file writes times."))
    ] = None
    lead_in: Annotated[
        float | None,
        typer.Option(help="Seconds from an instance's start to its event."),
    ] = None
    label_from: Annotated[
        str | None, typer.Option(**one_of(LABELS_FROM, "What names ELAN's types."))
    ] = None
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help="Another name for a type; repeatable.",
            callback=_checked(renamed),
        ),
    ] = None
    offset: Annotated[
        float, typer.Option(help="Seconds to add to all times; may be negative.")
    ] = 0.0
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what cannot be read.")
    ] = False

    @property
    def half_starts_s(self) -> tuple[float, ...]:
        """When each half starts in the video; none: not told."""
        return tuple(start_s for start_s, _ in halves_of(self.halves))

    def options(self, clock: "Clock | None") -> "ReadOptions":
        """Give the answers as readers take them."""
        from model.data.formats.base import ReadOptions

        return ReadOptions(
            clock=clock,
            encoding=self.encoding,
            delimiter=delimiter_of(self.delimiter),
            time_format=self.time_format,  # type: ignore[arg-type] # `one_of` checks
            lead_s=self.lead_in,
            label_from=self.label_from,
            video=self.name,
            half=self.half,
            half_starts_s=self.half_starts_s,
            head=self.head,
        )

    def read(
        self, source: Path, options: "ReadOptions", *, duration_s: float | None
    ) -> "ImportedEvents":
        """Read a file of events, say what the user should know of it, or stop.

        See `model.data.formats.reading.read_events`.
        """
        from model.data.formats.reading import read_events
        from model.errors import BadAnnotations

        if not source.is_file():
            raise typer.BadParameter(f"there is no file {source}")
        try:
            read = read_events(
                source.read_bytes(),
                format=self.from_,
                suffix=source.suffix,
                options=options,
                rename=renamed(self.rename),
                offset_s=self.offset,
                duration_s=duration_s,
            )
        except BadAnnotations as exc:
            raise BadAnnotations(f"{source} {exc}") from exc
        _tell(source, read, skip_bad=self.skip_bad)
        return read


def reads_events(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options of `Reading` in place of its parameter `reading`."""
    hints = get_type_hints(Reading, include_extras=True)
    own = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=hints[one.name],
        )
        for one in fields(Reading)
    ]

    @wraps(verb)
    def run(**words: Any) -> None:
        told = {one.name: words.pop(one.name) for one in own}
        verb(**words, reading=Reading(**told))

    signature = inspect.signature(verb)
    parameters: list[inspect.Parameter] = []
    for one in signature.parameters.values():
        keyword = one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        parameters += own if one.name == "reading" else [keyword]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # `inspect` reads it
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _tell(source: Path, read: "ImportedEvents", *, skip_bad: bool) -> None:
    """Say what the user should know, and stop where something is open."""
    for note in read.notes:
        typer.echo(f"note: {source} {note}", err=True)
    for need in read.needs:
        typer.echo(f"error: {source}: {need.text}", err=True)
        choices = f" ({', '.join(map(_word, need.choices))})" if need.choices else ""
        typer.echo(f"say it with {OPTION_OF[need.option]}{choices}", err=True)
        raise typer.Exit(1)
    mark = "left out" if skip_bad else "error"
    for problem in read.problems[:SHOWN_PROBLEMS]:
        typer.echo(f"{mark}: {source}: {problem}", err=True)
    if more := len(read.problems[SHOWN_PROBLEMS:]):
        typer.echo(f"{mark}: {source}: and {more} more", err=True)
    if read.problems and not skip_bad:
        typer.echo("nothing was written; --skip-bad takes the others", err=True)
        raise typer.Exit(1)


def _word(choice: str) -> str:
    """Write a choice as a shell takes it."""
    word = "tab" if choice == "\t" else choice
    quoted = shlex.quote(word)
    return quoted if quoted != word or _PLAIN.fullmatch(word) else f"'{word}'"
