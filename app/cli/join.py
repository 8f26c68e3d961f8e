"""`touchline join`: one video of the files that a camera or two halves have left."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import Force, Output, output_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from model.video.joins import Joined


def join(
    parts: Annotated[list[Path], typer.Argument(help="Files, in the order of play.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The video: OUT.mp4.")],
    encode: Annotated[
        bool | None,
        typer.Option(
            "--encode/--no-encode",
            help="Encode parts anew that differ in size, codec or its settings, which "
            "takes about as long as they last; left out: if they last no longer than "
            "10 minutes together.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    *,
    force: Force = False,
) -> None:
    """Join files of one match into one video; nothing is encoded where they are alike.

    Every frame keeps its time: what is told of a part is added to the times of its own
    events.
    """
    _check(parts, out)
    target = output_file(out, inputs=parts, force=force)
    with _progress_bar(out.name, is_shown=not quiet) as on_progress:
        joined, warnings = _write(parts, target, encode, on_progress)
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)
    for path, part in zip(parts, joined.parts, strict=True):
        typer.echo(
            f"{path}: {part.start_s:.3f} s to {part.end_s:.3f} s, {part.frames} "
            f"frames; add {part.offset_s:.3f} s to its times"
        )
    words = "nothing was encoded" if joined.mode == "copied" else "encoded anew"
    typer.echo(f"{len(parts)} parts joined in {out} ({words})", err=True)


def _check(parts: "Sequence[Path]", out: Path) -> None:
    """Refuse what cannot be joined, before anything is read.

    Raises:
        typer.BadParameter: it is so; the message names the file.
    """
    from model.video.join_rules import MAX_PARTS

    if out.suffix.lower() != ".mp4":
        raise typer.BadParameter(f"--out {out} should end in .mp4")
    if not 2 <= len(parts) <= MAX_PARTS:
        raise typer.BadParameter(
            f"give 2 to {MAX_PARTS} files in the order of play, not {len(parts)}"
        )
    for path in parts:
        if not path.is_file():
            raise typer.BadParameter(f"there is no file {path}")
    for one, other in combinations(parts, 2):
        if one.samefile(other):
            raise typer.BadParameter(f"{other} is named twice")


def _write(
    parts: "Sequence[Path]",
    target: Output,
    encode: bool | None,
    on_progress: "Callable[[str, float], None]",
) -> "tuple[Joined, list[str]]":
    from model.video.joining import Joining, pieces_of
    from model.video.joins import PartFile

    joining = Joining(
        [PartFile(path, str(path)) for path in parts],
        encode=encode,
        on_progress=on_progress,
    )
    with (
        target.staged() as beside,
        tempfile.TemporaryFile(dir=beside.parent) as scratch,
    ):
        joined = joining.write(scratch.fileno())
        with beside.open("wb") as file:
            file.writelines(pieces_of(joined, scratch.fileno()))
    return joined, list(joining.warnings(joined).values())


@contextmanager
def _progress_bar(
    name: str, *, is_shown: bool
) -> "Iterator[Callable[[str, float], None]]":
    """Show on stderr how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    with Progress(
        TextColumn(name),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        disable=not is_shown,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=1.0)

        def show(stage: str, done: float) -> None:
            bar.update(task, completed=done, description=stage)

        yield show
