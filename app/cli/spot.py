"""`touchline spot`: from a video file to its events, without a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.choices import one_of
from app.cli.models import find_model
from app.cli.output import Force, Output, keep_text, output_text, refuse_inputs
from model.data.formats.names import FORMAT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from model.data.formats.events import EventFacts
    from model.spotting.spot_file import Progress, SpottedVideo

TABLE = "table"  # for people; the others are for programs
Engine = Literal[
    "auto",
    "openvino",
    "torch-cpu",
    "torch-cuda",
    "onnxruntime",
    "onnxruntime-cuda",
    "tensorrt",
]
Precision = Literal["auto", "float32", "float16", "int8"]
Hardware = Literal["off", "auto", "cuda", "vaapi", "qsv", "videotoolbox"]
Windowing = Literal["auto", "one-pass", "reference"]


def spot(
    video: Annotated[Path, typer.Argument(help="The video file.")],
    form: Annotated[
        str,
        typer.Option(
            "--format", **one_of((TABLE, *FORMAT_NAMES), "How events are written.")
        ),
    ] = TABLE,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Take the place of the checkpoint's own thresholds."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name or path of the checkpoint.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file, not to standard output.")
    ] = None,
    engine: Annotated[Engine, typer.Option(help="What runs the network.")] = "auto",
    precision: Annotated[Precision, typer.Option(help="Of the network.")] = "auto",
    windows: Annotated[
        Windowing,
        typer.Option(
            help="One pass over the video, or overlapping clips as E2E-Spot does.",
        ),
    ] = "auto",
    hardware: Annotated[
        Hardware,
        typer.Option(
            "--hardware-decoding", help="A graphics card's decoder, if there is one."
        ),
    ] = "off",
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    force: Force = False,
) -> None:
    """Find the events of a video; standard output carries nothing but them."""
    from model.errors import CannotWrite
    from model.spotting.predictor import load_predictor
    from model.spotting.spot_file import spot_file
    from model.video.file_names import shown_name

    if not video.is_file():
        raise typer.BadParameter(f"there is no file {video}")
    target = None
    if out is not None:
        target = output_text(out, inputs=[video], force=force)
    _check_installed(form)
    checkpoint = find_model(model)
    if target is not None:
        refuse_inputs(target.path, [checkpoint])
    predictor = load_predictor(
        checkpoint,
        engine=engine,
        precision=precision,
        windows=windows,
    )
    with _progress_bar(video.name, is_shown=not quiet) as on_progress:
        spotted = spot_file(
            video,
            predictor=predictor,
            min_score=min_score,
            on_progress=on_progress,
            hardware=hardware,
        )
    for warning in spotted.warnings.values():
        typer.echo(f"Warning: {warning}", err=True)
    try:
        text = _render(spotted, shown_name(video), form)
    except CannotWrite as exc:  # The work is done: nobody should do it again.
        folder = Path() if target is None else target.path.parent
        kept = keep_text(
            folder / f"{video.stem}.json", _render(spotted, shown_name(video), "json")
        )
        raise CannotWrite(
            f"{exc} What was found is in {kept}: `touchline convert` makes files of "
            "other formats of it."
        ) from exc
    _write(text, target)


def _check_installed(form: str) -> None:
    """Refuse what could not be written at the end.

    Raises:
        CannotWrite: a library is missing.
    """
    if form == TABLE:
        return
    from model.data.formats.registry import format_named
    from model.errors import CannotWrite

    one = format_named(form)
    if not one.is_installed:
        raise CannotWrite(one.how_to_install)


@contextmanager
def _progress_bar(
    name: str, *, is_shown: bool
) -> "Iterator[Callable[[Progress], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, disable=not is_shown) as bar:
        task = bar.add_task(name, total=1.0, left="")

        def show(progress: "Progress") -> None:
            left = "" if progress.eta_s is None else f"{_clock(progress.eta_s)} left"
            bar.update(task, completed=progress.done, left=left)

        yield show


def _render(spotted: "SpottedVideo", name: str, form: str) -> str:
    from model.data.formats.events import ExportedVideo
    from model.data.formats.writing import write_events
    from model.spotting.formats import number_spots

    events = number_spots(spotted.spots)
    if form == TABLE:
        return _table(events)
    times = spotted.frame_times
    video = ExportedVideo(
        name,
        spotted.facts.fps or None,
        is_constant=times is None or times.is_constant,
        duration_s=spotted.facts.duration_s,
        frame_count=None if times is None else len(times),
    )
    text = write_events(events, video, format=form)
    return text if text.endswith("\n") else text + "\n"


def _table(events: "list[EventFacts]") -> str:
    width = max([len(event.label) for event in events] + [len("type")])
    has_teams = any(event.team for event in events)
    head = f"{'time':>10}  {'type':<{width}}  {'score':>5}  {'frame':>7}"
    lines = [f"{head}  team" if has_teams else head]
    for event in events:
        line = (
            f"{_clock(event.time_ms / 1000, decimals=True):>10}  {event.label:<{width}}"
            f"  {event.score or 0:5.2f}  {event.frame or 0:7d}"
        )
        lines.append(f"{line}  {event.team or ''}".rstrip() if has_teams else line)
    lines.append(f"{len(events)} events")
    return "\n".join(lines) + "\n"


def _clock(time_s: float, *, decimals: bool = False) -> str:
    """Write seconds as 1:02:03, with thousandths where asked for."""
    total_ms = round(time_s * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    tail = f"{ms / 1000:06.3f}" if decimals else f"{ms // 1000:02d}"
    return f"{head}:{tail}"


def _write(text: str, target: Output | None) -> None:
    if target is None:
        typer.echo(text, nl=False)
    else:
        target.write_text(text)
