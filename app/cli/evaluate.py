"""`touchline evaluate` and `touchline calibrate`: how good, and which thresholds."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.models import find_model, place_of
from app.cli.output import Force, Output, output_file, output_text

if TYPE_CHECKING:
    from model.data.labels import Match
    from model.evaluation.calibrate import LabelOutcome

Data = Annotated[
    Path | None,
    typer.Option(help="Folder of labelled matches; else the last argument."),
]
SplitFile = Annotated[Path | None, typer.Option(help="File of `touchline data split`.")]
Part = Annotated[
    Literal["train", "val", "test"], typer.Option(help="Part of the split to take.")
]
OnCorrupt = Annotated[
    Literal["stop", "skip"], typer.Option(help="What to do about a corrupt video.")
]


def evaluate(
    checkpoints: Annotated[
        list[str],
        typer.Argument(help="Names or paths of checkpoints, side by side; then DATA."),
    ],
    data: Data = None,
    split: SplitFile = None,
    part: Part = "val",
    tolerance: Annotated[
        float, typer.Option(min=0, help="Of precision, recall and F1, in +- seconds.")
    ] = 1.0,
    html: Annotated[
        Path | None, typer.Option(help="Write a report with plots.")
    ] = None,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write all figures as JSON.")
    ] = None,
    engine: Annotated[str, typer.Option(help="What runs the network.")] = "auto",
    precision: Annotated[str, typer.Option(help="Of the network.")] = "auto",
    windows: Annotated[
        str, typer.Option(help="one-pass, or reference: clip by clip.")
    ] = "auto",
    on_corrupt: OnCorrupt = "stop",
    force: Force = False,
) -> None:
    """Measure checkpoints on labelled matches, through the path that serves."""
    import json

    from model.evaluation.evaluate import evaluate_checkpoint
    from model.evaluation.report import to_html, to_json, to_table

    checkpoints, folder = _split_arguments(checkpoints, data)
    matches = _matches(folder, split, part)
    paths = [find_model(name) for name in checkpoints]
    inputs = [*_files_read(folder, split), *paths]
    html_file = _claimed(html, inputs, force=force)
    json_file = _claimed(json_out, inputs, force=force)
    if (
        html is not None
        and json_out is not None
        and html.resolve() == json_out.resolve()
    ):
        raise typer.BadParameter(f"--html and --json both name {html}")
    reports = [
        evaluate_checkpoint(
            path,
            matches,
            tolerance_s=tolerance,
            engine=engine,  # type: ignore[arg-type] # load_predictor refuses others
            precision=precision,  # type: ignore[arg-type] # likewise
            windows=windows,  # type: ignore[arg-type] # likewise
            on_corrupt=on_corrupt,
            log=lambda line: typer.echo(line, err=True),
        )
        for path in paths
    ]
    typer.echo(to_table(reports))
    if json_file is not None:
        json_file.write_text(json.dumps(to_json(reports), indent=2) + "\n")
    if html_file is not None:
        html_file.write_text(to_html(reports))
        typer.echo(f"report: {html}", err=True)


def calibrate(
    checkpoint: Annotated[
        list[str], typer.Argument(help="Name or path of a checkpoint; then DATA.")
    ],
    data: Data = None,
    split: SplitFile = None,
    part: Part = "val",
    recall: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Reach this recall; else the best F1."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="What counts as a hit, in +- seconds.")
    ] = 1.0,
    overlap: Annotated[
        float | None,
        typer.Option(min=0, max=0.95, help="Of the head's windows; else as it is."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write here, not over the checkpoint; one that came with Touchline is "
            "written among your models."
        ),
    ] = None,
    on_corrupt: OnCorrupt = "stop",
    force: Force = False,
) -> None:
    """Choose thresholds, NMS and temperature on validation data, and keep them."""
    from model.evaluation.calibrate import Goal, calibrate_checkpoint

    names, folder = _split_arguments(checkpoint, data)
    matches = _matches(folder, split, part)
    if len(names) != 1:
        raise typer.BadParameter(f"one checkpoint is calibrated at a time, not {names}")
    path = find_model(names[0])
    inputs = _files_read(folder, split)
    target = output_file(
        out or place_of(path), inputs=inputs, force=force, updates=path
    )
    with target.staged() as beside:
        found = calibrate_checkpoint(
            path,
            matches,
            Goal(tolerance_s=tolerance, recall=recall),
            out=beside,
            overlap=overlap,
            on_corrupt=on_corrupt,
            log=lambda line: typer.echo(line, err=True),
        )
    typer.echo(f"temperature {found.options.temperature:g}")
    for label, options in found.options.labels.items():
        outcome = found.labels[label]
        typer.echo(
            f"{label}: threshold {options.threshold:.3f}, {options.nms} NMS, "
            f"window {options.window_s:g} s; F1 within {tolerance:g} s "
            f"{outcome.in_sample:.3f} in-sample, {_out_of_fold(outcome)}, "
            f"{outcome.events} events" + (" (few)" if outcome.has_few else "")
        )
    typer.echo(
        "out of fold: each match spotted with what was chosen on the others; expect "
        "that on new matches, not the in-sample figure"
    )


def _out_of_fold(outcome: "LabelOutcome") -> str:
    if math.isnan(outcome.out_of_fold):
        return "out of fold unknown (one match)"
    return f"{outcome.out_of_fold:.3f} out of fold"


def _split_arguments(words: list[str], data: Path | None) -> tuple[list[str], Path]:
    """Separate checkpoints from DATA."""
    if data is None:
        *words, last = words
        data = Path(last)
        if not words or not data.is_dir():
            raise typer.BadParameter(
                f"name checkpoints and then a folder of labelled matches; {last!r} is "
                "the last word and no folder"
            )
    return words, data


def _claimed(path: Path | None, inputs: list[Path], *, force: bool) -> Output | None:
    """Claim the file of a report, if one is wanted."""
    return None if path is None else output_text(path, inputs=inputs, force=force)


def _files_read(folder: Path, split: Path | None) -> list[Path]:
    """List what measuring must never write over: videos, labels, the split."""
    from model.data.labels import files_of
    from model.data.matches import find_matches

    files = files_of(find_matches(folder))
    return files if split is None else [*files, split]


def _matches(folder: Path, split: Path | None, part: str) -> "list[Match]":
    """Find the labelled matches of a folder, or of a part of its split."""
    from model.data.matches import find_matches
    from model.data.splits import read_split

    matches = find_matches(folder)
    return matches if split is None else read_split(split).take(matches, part)
