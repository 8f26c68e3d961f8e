"""`touchline teach`: from reviewed stretches to a better checkpoint, with one verb."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli.models import find_model
from app.cli.output import Force, output_file

if TYPE_CHECKING:
    from model.teaching.options import TeachOptions
    from model.teaching.teach import Taught

Start = Literal["base", "trunk", "imagenet", "noise"]


def teach(
    dataset: Annotated[
        Path, typer.Argument(help="Folder that `touchline dataset export` wrote.")
    ],
    out: Annotated[Path, typer.Option(help="Where to write the checkpoint.")],
    base: Annotated[
        str | None,
        typer.Option(help="Checkpoint to start from; the default one if left out."),
    ] = None,
    start: Annotated[
        Start,
        typer.Option(
            help="What of the base is kept: all, the trunk, or its architecture alone."
        ),
    ] = "base",
    types: Annotated[
        str | None,
        typer.Option(help="Types to tell, A,B,C; else the base's and the data's."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="A=B: A becomes part of B; A= removes it."),
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=1, help="How long it may take in all.")
    ] = 45.0,
    seed: Annotated[int, typer.Option(help="Of clips and augmentation.")] = 0,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder of frames and state, to go on from after a stop; else "
            "OUT.teaching. It is removed at the end."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Teach a checkpoint what people have reviewed; run again, it goes on."""
    from model.teaching.options import TeachOptions

    path = None if base is None and _is_fresh(start) else find_model(base)
    options = TeachOptions(
        name=out.stem,
        base=path,
        start=start,
        types=None if types is None else tuple(map(str.strip, types.split(","))),
        mapping=_mapping(mapping or []),
        minutes=minutes,
        seed=seed,
    )
    folder = work or out.with_name(f"{out.name}.teaching")
    if out.resolve().is_relative_to(folder.resolve()):
        raise typer.BadParameter(
            f"--out {out} lies in {folder}, which is removed at the end: name another "
            "folder with --work"
        )
    target = output_file(out, inputs=[] if path is None else [path], force=force)
    _refuse_other_folder(folder)
    with target.staged() as beside:
        taught = _taught(dataset, folder, options)
        shutil.copyfile(taught.checkpoint, beside)
    shutil.rmtree(folder)
    for line in _told(taught.figures):
        typer.echo(line)
    typer.echo(str(out))


def _taught(dataset: Path, folder: Path, options: "TeachOptions") -> "Taught":
    from model.teaching.teach import teach as run
    from model.teaching.watch import LineWatch

    return run(dataset, folder, options, LineWatch(_note))


def _is_fresh(start: str) -> bool:
    return start in ("imagenet", "noise")


def _mapping(words: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for word in words:
        source, sign, target = word.partition("=")
        if not sign or not source.strip():
            raise typer.BadParameter(f"--map {word}: write A=B, or A= to remove A")
        found[source.strip()] = target.strip() or None
    return found


def _refuse_other_folder(folder: Path) -> None:
    """Work in no folder that holds something else, for it is removed at the end."""
    from model.teaching.run import is_teaching

    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not is_teaching(folder)):
        raise typer.BadParameter(
            f"{folder} holds other files: name another folder with --work"
        )


def _told(figures: Any) -> list[str]:
    """Say how good the checkpoint is on the hold-out, and what would help."""
    lines = []
    for label, row in figures["types"].items():
        if row["ap"] is None:
            lines.append(f"{label}: no event on the hold-out, so it is not measured")
            continue
        few = "" if row["is_judged"] else " (too few to judge)"
        lines.append(
            f"{label}: AP {row['ap']:.3f} ({row['ap_low']:.3f} to {row['ap_high']:.3f})"
            f" within 0.5 s, {row['events']} events{few}, {row['trained_on']} to train "
            f"on, threshold {row['threshold']:.3f}"
        )
    return [*lines, *(need["text"] for need in figures["needs"])]


def _note(line: str) -> None:
    typer.echo(line, err=True)
