"""`touchline report`: a match as one HTML file, made of a video and its events."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from app.cli.output import Force, output_file
from app.cli.reading import Reading, halves_of, reads_events

if TYPE_CHECKING:
    from app.reports.content import ReportContent
    from model.data.formats.events import ImportedEvent
    from model.video.frame_times import FrameTimes

DEFAULT_STILLS, MAX_STILLS = 24, 60
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@reads_events
def report(
    video: Annotated[Path, typer.Argument(help="The video.")],
    events: Annotated[Path, typer.Argument(help="File of its events.")],
    out: Annotated[Path, typer.Option(help="The file to write, report.html.")],
    title: Annotated[
        str | None, typer.Option(help="Of the match; else the video's name.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Of the match: 2026-05-31.")] = None,
    competition: Annotated[str | None, typer.Option(help="Of the match.")] = None,
    teams: Annotated[
        list[str] | None,
        typer.Option(
            "--team",
            metavar="NAME[,SIDE][,#RRGGBB]",
            help="A team, what events call it, its colour; twice at most.",
        ),
    ] = None,
    key_types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            help="Key events, repeatable; else goals, shots, penalties and cards or, "
            "if there is none, the rarest type.",
        ),
    ] = None,
    stills: Annotated[
        int,
        typer.Option(min=0, max=MAX_STILLS, help="Pictures of key events at most."),
    ] = DEFAULT_STILLS,
    changes_ends: Annotated[
        bool,
        typer.Option(
            "--changes-ends", help="Events name ends of the pitch, which teams change."
        ),
    ] = False,
    *,
    reading: Reading,
    force: Force = False,
) -> None:
    """Write timeline, statistics and stills of a match as one HTML file.

    It opens in any browser, without a network.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"--out {out} should end in .html")
    if not video.is_file():
        raise typer.BadParameter(f"there is no file {video}")
    sides = _teams(teams or ())
    target = output_file(out, inputs=[video, events], force=force)
    from app.reports.content import MatchFacts, ReportContent, ReportOptions
    from model.video.file_names import shown_name
    from model.video.timing import time_frames_in_child

    typer.echo(f"reading the times of the frames of {video} ...", err=True)
    times = time_frames_in_child(video).frame_times
    # Like match facts, they say where a file counts from unless `--half` is told.
    options = replace(
        reading.options(times),
        half_starts_s=(),
        known_half_starts_s=reading.half_starts_s,
    )
    read = reading.read(events, options, duration_s=times.until_s)
    content = ReportContent(
        MatchFacts(
            title=title or Path(shown_name(video)).stem,
            date=date,
            competition=competition,
            teams=sides,
            halves=[
                {"start_s": start_s, "end_s": end_s, "clock_start_s": None}
                for start_s, end_s in halves_of(reading.halves)
            ],
            duration_s=times.until_s,
        ),
        _events(read.events, times),
        ReportOptions(key_types or (), stills, changes_ends),
    )
    target.write_text(_rendered(video, content, times))
    pictured = len(content.pictured())
    typer.echo(
        f"{len(content.events)} events and {pictured} stills written to {out}", err=True
    )


def _events(found: "Sequence[ImportedEvent]", times: "FrameTimes") -> list[Any]:
    from app.reports.content import ReportEvent

    events = [
        ReportEvent(
            id=UUID(int=number),
            label=one.label,
            time_s=one.time_s,
            frame=times.frame_at(one.time_s) if one.frame is None else one.frame,
            team=one.team,
            score=one.score,
            is_confirmed=one.score is None,
        )
        for number, one in enumerate(found)
    ]
    return sorted(events, key=lambda one: (one.time_s, one.id))


def _rendered(video: Path, content: "ReportContent", times: "FrameTimes") -> str:
    from datetime import UTC, datetime

    from app.reports.render import render_report
    from model.video.frame_stills import frames_in_child
    from model.video.jpeg import encode_jpeg

    pictured = content.pictured()
    images = frames_in_child(video, [one.frame for one in pictured], times=times)
    stills = {
        one.id: encode_jpeg(images[one.frame])
        for one in pictured
        if one.frame in images
    }
    return render_report(content, stills, made_at=datetime.now(UTC))


def _teams(words: Sequence[str]) -> list[dict[str, str | None]]:
    """Read teams as match facts have them."""
    if len(words) > 2:
        raise typer.BadParameter("--team can be given twice at most")
    teams = []
    for word in words:
        name, *rest = (part.strip() for part in word.split(","))
        colours = [part for part in rest if _COLOUR.fullmatch(part)]
        sides = [part for part in rest if part not in colours]
        if not name or len(colours) > 1 or len(sides) > 1:
            raise typer.BadParameter(
                f"--team {word!r} should be NAME, NAME,SIDE or NAME,SIDE,#RRGGBB"
            )
        teams.append(
            {
                "name": name,
                "side": sides[0] if sides else None,
                "colour": colours[0] if colours else None,
            }
        )
    return teams
