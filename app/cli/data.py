"""`touchline data`: check, split and prepare labelled matches."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.output import Force, output_file

if TYPE_CHECKING:
    from model.data.checks import Review
    from model.data.frame_store import PreparedFacts

data = typer.Typer(
    help="Check, split and prepare labelled matches.", no_args_is_help=True
)

WIDEST = 1000

Folder = Annotated[Path, typer.Argument(help="Folder of videos and labels.")]


@data.command()
def check(
    folder: Folder,
    against: Annotated[
        Path | None, typer.Option(help="Another split, which must share no match.")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="A split of this folder, to be checked too.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="The labels there may be, comma between.")
    ] = None,
) -> None:
    """Check a data set: a table, and what would spoil training."""
    from model.data.checks import Finding, leaks, missing_labels, review
    from model.data.matches import find_matches, unlabelled_videos
    from model.data.splits import read_split
    from model.video.probe import probe_in_child

    matches = find_matches(folder)
    known = None if labels is None else [name.strip() for name in labels.split(",")]
    result = review(matches, probe=probe_in_child, known_labels=known)
    _print_review(result)
    findings = list(result.findings)
    for video in unlabelled_videos(folder, matches):
        text = "has no labels and is left out."
        name = str(video.relative_to(folder))
        findings.append(Finding(name, "no_labels", text, is_fatal=False))
    if split is not None:
        parts = {p: read_split(split).take(matches, p) for p in ("train", "val")}
        findings += missing_labels(parts["train"], parts["val"])
    if against is not None:
        others = find_matches(against)
        findings += leaks(matches, others, parts=(folder.name, against.name))
        findings += missing_labels(matches, others)
    for finding in findings:
        mark = "error" if finding.is_fatal else "warning"
        typer.echo(f"{mark}: {finding.match}: {finding.text} [{finding.kind}]")
    if any(finding.is_fatal for finding in findings):
        raise typer.Exit(1)
    typer.echo("no errors found")


@data.command()
def split(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("split.json"),
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    force: Force = False,
) -> None:
    """Split 70/15/15 by match, each part with its share of every label."""
    from model.data.checks import same_twice
    from model.data.labels import files_of, label_names
    from model.data.matches import find_matches
    from model.data.splits import PARTS, split_matches
    from model.errors import BadAnnotations

    matches = find_matches(folder)
    target = output_file(out, inputs=files_of(matches), force=force)
    if duplicates := same_twice(matches):
        raise BadAnnotations(f"{duplicates[0].match} {duplicates[0].text}")
    made = split_matches(matches, seed=seed)
    target.write_text(made.to_json())
    names = label_names(matches)
    for part in PARTS:
        chosen = made.take(matches, part)
        events = [event.label for match in chosen for event in match.labels.events]
        counts = "  ".join(f"{name} {events.count(name)}" for name in names)
        typer.echo(f"{part:6s} {len(chosen):3d} matches  {counts}")
    typer.echo(f"written to {out}")


@data.command()
def prepare(
    config: Annotated[Path, typer.Argument(help="The run whose frames are wanted.")],
    folder: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of matches, instead of the config's."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="File of `touchline data split`, which goes with --data."),
    ] = None,
    clips: Annotated[
        int, typer.Option(min=0, help="Read this many random clips to time them.")
    ] = 50,
) -> None:
    """Decode every match once, into the store that training reads.

    A run that was stopped is taken up where it was by running it again.
    """
    from model.training.config import read_config, with_data
    from model.training.prepare import prepare_all, time_clips

    settings = read_config(config, report=_note)
    if (folder is None) != (split is None):
        raise typer.BadParameter("--data and --split go together")
    if folder is not None and split is not None:
        settings = with_data(settings, folder, split=split)
    facts = prepare_all(settings, report=_note)
    _print_totals(facts)
    if clips:
        typer.echo(f"{time_clips(settings, count=clips):.0f} clips/s read at random")


def _print_review(result: "Review") -> None:
    from rich.console import Console
    from rich.table import Table

    labels = sorted({label for row in result.rows for label in row.counts})
    table = Table()
    for name in ("match", "minutes", "fps", *labels, "events/min", "longest gap s"):
        side: Literal["left", "right"] = "left" if name == "match" else "right"
        table.add_column(name, justify=side, no_wrap=True)
    for row in result.rows:
        total = sum(row.counts.values())
        table.add_row(
            row.name,
            "?" if row.minutes is None else f"{row.minutes:.1f}",
            "?" if row.fps is None else f"{row.fps:g}",
            *(str(row.counts.get(label, 0)) for label in labels),
            f"{total / row.minutes:.1f}" if row.minutes else "?",
            f"{row.longest_gap_s:.0f}",
        )
    minutes = sum(row.minutes or 0.0 for row in result.rows)
    sums = [sum(row.counts.get(label, 0) for row in result.rows) for label in labels]
    rate = f"{sum(sums) / minutes:.1f}" if minutes else "?"
    count = f"{len(result.rows)} matches"
    table.add_row(count, f"{minutes:.1f}", "", *map(str, sums), rate, "", style="bold")
    # A name or number cut short is worth nothing: the table may be wider than the
    # terminal, or than the 80 columns that a pipe is taken for.
    console = Console()
    room = console.options.update(max_width=WIDEST)
    width = max(console.width, console.measure(table, options=room).maximum)
    Console(width=width).print(table)


def _print_totals(facts: "Sequence[PreparedFacts]") -> None:
    bytes_, minutes = sum(f.size_bytes for f in facts), sum(f.minutes for f in facts)
    typer.echo(
        f"{len(facts)} matches, {minutes:.1f} minutes, {bytes_ / 2**20:.0f} MiB, "
        f"{bytes_ / 2**20 / max(minutes, 1e-9):.1f} MiB a minute"
    )


def _note(line: str) -> None:
    typer.echo(line, err=True)
