"""`touchline clip`: highlights of a file of events, cut from its video."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.output import Force, Output, output_file
from app.cli.reading import Reading, reads_events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from model.data.formats.events import ImportedEvent
    from model.video.captions import CaptionOptions
    from model.video.clips import Clips
    from model.video.cuts import Cut
    from model.video.frame_times import FrameTimes

CAPTIONS = frozenset({"type", "clock", "teams"})
FORMS = {".mp4": "reel", ".zip": "zip", ".m3u8": "playlist"}


@reads_events
def clip(
    video: Annotated[Path, typer.Argument(help="The video.")],
    events: Annotated[Path, typer.Argument(help="File of its events.")],
    out: Annotated[
        Path,
        typer.Option(
            help="reel.mp4: one video; clips.zip: single ones; list.m3u8: a playlist."
        ),
    ],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Keep events of this type; repeatable."),
    ] = None,
    teams: Annotated[
        list[str] | None,
        typer.Option("--team", help="Keep events of this team; repeatable."),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of events that have a score."),
    ] = None,
    lead: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds before an event.")
    ] = 5.0,
    lag: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds after an event.")
    ] = 3.0,
    merge: Annotated[
        bool, typer.Option("--merge/--no-merge", help="Join clips that overlap.")
    ] = True,
    order: Annotated[
        Literal["time", "score"], typer.Option(help="score: the best first.")
    ] = "time",
    mode: Annotated[
        Literal["exact", "smart", "copy"],
        typer.Option(
            help="smart: only the borders are encoded anew; copy: nothing is, so "
            "clips begin at the key frame before."
        ),
    ] = "exact",
    captions: Annotated[
        str | None,
        typer.Option(
            help="Write over the pictures, separated by commas: type, clock, teams."
        ),
    ] = None,
    *,
    reading: Reading,
    force: Force = False,
) -> None:
    """Cut highlights about events from a video, to the frame."""
    form = FORMS.get(out.suffix.lower())
    if form is None:
        raise typer.BadParameter(f"--out {out} should end in {', '.join(FORMS)}")
    if not video.is_file():
        raise typer.BadParameter(f"there is no file {video}")
    words = _captions(captions, form)
    target = output_file(out, inputs=[video, events], force=force)
    from model.video.cuts import Moment, plan_cuts
    from model.video.timing import time_frames_in_child

    typer.echo(f"reading the times of the frames of {video} ...", err=True)
    times = time_frames_in_child(video).frame_times
    read = reading.read(events, reading.options(times), duration_s=times.until_s)
    kept = _chosen(read.events, types=types, teams=teams, min_score=min_score)
    cuts = plan_cuts(
        (Moment(key, one.time_s, one.frame, one.score) for key, one in kept.items()),
        times,
        lead_s=lead,
        lag_s=lag,
        merge=merge,
        order=order,
    )
    if form == "playlist":
        target.write_text(_playlist(video, cuts, kept, times))
    else:
        if words is not None:
            cuts = _with_words(cuts, kept, times, words)
        made = _render(
            *(video, target, cuts, kept, times), is_zip=form == "zip", mode=mode
        )
        if made.mode != mode:
            why = "captions are written" if words else "it cannot be copied"
            typer.echo(f"note: all of it was encoded anew: {why}", err=True)
    typer.echo(f"{len(cuts)} clips of {len(kept)} events written to {out}", err=True)


def _chosen(
    events: "Sequence[ImportedEvent]",
    *,
    types: "Collection[str] | None",
    teams: "Collection[str] | None",
    min_score: float | None,
) -> dict[str, "ImportedEvent"]:
    """Keep what is asked for, by where it stands in the file."""
    return {
        one.where: one
        for one in events
        if (not types or one.label in types)
        and (not teams or one.team in teams)
        and (min_score is None or one.score is None or one.score >= min_score)
    }


def _captions(names: str | None, form: str) -> "CaptionOptions | None":
    """Read `--captions`."""
    if names is None:
        return None
    if form == "playlist":
        raise typer.BadParameter("a playlist is not rendered: leave --captions out")
    wanted = {name.strip() for name in names.split(",")}
    if wrong := wanted - CAPTIONS:
        raise typer.BadParameter(
            f"--captions {', '.join(sorted(wrong))}: there are "
            f"{', '.join(sorted(CAPTIONS))}"
        )
    from model.video.captions import CaptionOptions

    return CaptionOptions(**dict.fromkeys(wanted, True))


def _with_words(
    cuts: "Sequence[Cut]",
    events: "dict[str, ImportedEvent]",
    times: "FrameTimes",
    options: "CaptionOptions",
) -> "list[Cut]":
    """Write captions: teams are those of the events, the clock is the video's."""
    from model.video.captions import CaptionedEvent, MatchWords, with_captions

    told = {
        name: CaptionedEvent(one.time_s, one.label, one.team, _player(one.attributes))
        for name, one in events.items()
    }
    teams = sorted({one.team for one in events.values() if one.team})
    return with_captions(cuts, times, told, options, MatchWords(teams[:2]))


def _player(attributes: "Mapping[str, object]") -> str | None:
    player = attributes.get("player")
    return None if player is None else str(player)


def _playlist(
    video: Path,
    cuts: "Sequence[Cut]",
    events: "dict[str, ImportedEvent]",
    times: "FrameTimes",
) -> str:
    from model.video.file_names import shown_name
    from model.video.playlist import Stretch, write_m3u8

    address = video.resolve().as_uri()
    stretches = (
        Stretch(
            cut.start_s(times),
            cut.end_s(times),
            ", ".join(events[name].label for name in cut.names),
            address,
        )
        for cut in cuts
    )
    return write_m3u8(stretches, title=shown_name(video))


def _render(
    video: Path,
    target: Output,
    cuts: "Sequence[Cut]",
    events: "dict[str, ImportedEvent]",
    times: "FrameTimes",
    *,
    is_zip: bool,
    mode: Literal["exact", "smart", "copy"],
) -> "Clips":
    from model.video.clip_files import Shown, files_of, reel_pieces, zip_pieces
    from model.video.clips import cut_in_child

    shown = {name: Shown(one.label, one.time_s) for name, one in events.items()}
    with (
        target.staged() as beside,
        tempfile.TemporaryFile(dir=beside.parent) as scratch,
    ):
        number = scratch.fileno()
        files = files_of(cuts, is_zip=is_zip)
        made = cut_in_child(video, number, files, times=times, mode=mode)
        with beside.open("wb") as file:
            if is_zip:
                file.writelines(zip_pieces(made, number, cuts, shown))
            else:
                file.writelines(reel_pieces(made, number))
    return made
