"""`touchline convert`: files of events from one program's format to another's."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.choices import one_of
from app.cli.output import Force, output_text
from app.cli.reading import Reading, reads_events
from model.data.formats.names import FORMAT_NAMES
from model.video.file_names import shown_name

if TYPE_CHECKING:
    from model.data.formats.clock import Clock
    from model.data.formats.events import ExportedVideo
    from model.data.formats.provenance import Provenance


@reads_events
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="File of events.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="File to write; - for the output.")
    ],
    to: Annotated[
        str | None,
        typer.Option(**one_of(FORMAT_NAMES, "Format of OUT; else told by its ending.")),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="The video, whose frames' times are then exact.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.1, max=1000, help="Frames a second, if constant."),
    ] = None,
    lead: Annotated[
        float, typer.Option(min=0, help="Seconds that clips in OUT begin before.")
    ] = 5.0,
    lag: Annotated[
        float, typer.Option(min=0, help="Seconds that clips in OUT end after.")
    ] = 3.0,
    *,
    reading: Reading,
    as_labels: Annotated[
        bool, typer.Option("--as-labels", help="Leave scores out: the truth now.")
    ] = False,
    provenance: Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Keep what IN tells of where its events come from.",
        ),
    ] = True,
    force: Force = False,
) -> None:
    """Convert a file of events to another program's format."""
    from model.data.formats.writing import as_facts, write_events

    if video is not None and fps is not None:
        raise typer.BadParameter("--video and --fps: name one of them")
    inputs = [source] if video is None else [source, video]
    is_shown = str(out) == "-"
    target = None if is_shown else output_text(out, inputs=inputs, force=force)
    form = to or _format_of(out)
    clock, facts = _timed(
        video, fps, name=reading.name or Path(shown_name(source)).stem
    )
    options = reading.options(clock)
    read = reading.read(source, options, duration_s=facts.duration_s)
    events = as_facts(read.events, with_scores=not as_labels)
    facts = replace(
        facts,
        lead_s=lead,
        lag_s=lag,
        half_starts_s=options.half_starts_s,
        provenance=_kept(read.provenance, form) if provenance else None,
    )
    text = write_events(events, facts, format=form)
    if target is None:
        typer.echo(text, nl=False)
    else:
        target.write_text(text)
    typer.echo(f"{len(events)} events written to {out}", err=True)


def _kept(told: "Provenance | None", form: str) -> "Provenance | None":
    """Give what OUT can tell of where events come from; note what it cannot."""
    from model.data.formats.registry import format_named

    one = format_named(form)
    if told is None or one.holds.provenance == "all":
        return told
    if one.holds.provenance == "summary":
        if told.history:
            count = len(told.history)
            typer.echo(f"note: {one.title} has no room for {count} edits", err=True)
        return told
    typer.echo(
        f"note: {one.title} has no place for where events come from: left out", err=True
    )
    return None


def _format_of(out: Path) -> str:
    """Tell the format of OUT by its ending, where one format alone has it."""
    from model.data.formats.registry import written_as

    found = written_as(out.suffix)
    if len(found) != 1:
        known = ", ".join(found or FORMAT_NAMES)
        raise typer.BadParameter(f"say with --to what {out} is to be: {known}")
    return found[0]


def _timed(
    video: Path | None, fps: float | None, *, name: str
) -> "tuple[Clock | None, ExportedVideo]":
    """Give the clock, and what is known of the video."""
    from model.data.formats.clock import ConstantRate, exact_rate
    from model.data.formats.events import ExportedVideo

    if video is None:
        clock = None if fps is None else ConstantRate(exact_rate(fps))
        return clock, ExportedVideo(name, None if clock is None else clock.fps)
    if not video.is_file():
        raise typer.BadParameter(f"there is no file {video}")
    from model.video.timing import time_frames_in_child

    typer.echo(f"reading when the frames of {video} are shown ...", err=True)
    times = time_frames_in_child(video).frame_times
    return times, ExportedVideo(
        shown_name(video),
        times.fps,
        is_constant=times.is_constant,
        duration_s=times.until_s,
        frame_count=len(times),
    )
