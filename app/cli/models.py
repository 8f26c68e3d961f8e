"""`touchline models`: which checkpoints there are, and what they are."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.output import Force, output_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.core.settings import Settings
    from model.checkpoint.archive import Checkpoint
    from model.checkpoint.library import Entry
    from model.checkpoint.manifest import Manifest

Name = Annotated[
    str | None,
    typer.Argument(help="Name or path of a checkpoint; the default one if left out."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]

models = typer.Typer(help="The checkpoints there are.", no_args_is_help=True)


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the checkpoints, bundled and your own."""
    from model.checkpoint.library import list_checkpoints

    entries = list_checkpoints(user_dir(), chosen=_settings().model)
    if as_json:
        typer.echo(json.dumps([_entry_object(entry) for entry in entries], indent=2))
        return
    if not entries:
        typer.echo("no checkpoints yet: train one, or use touchline import-checkpoint")
    for entry in entries:
        typer.echo(_entry_line(entry))


@models.command("show")
def show_model(
    name: Name = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Steps at once, for the memory.")
    ] = 64,
    as_json: AsJson = False,
) -> None:
    """Show what a checkpoint is, what it costs and where it comes from."""
    from model.checkpoint.archive import Checkpoint

    checkpoint = Checkpoint.open(find_model(name))
    facts = _facts(checkpoint, _cost(checkpoint.manifest, batch), batch)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = max(map(len, facts))
    for key, value in facts.items():
        typer.echo(f"{key:<{width}}  {_told(value)}")


@models.command("set-default")
def set_default(
    name: Annotated[str, typer.Argument(help="Name of a checkpoint of the list.")],
) -> None:
    """Choose the checkpoint that is used where none is named."""
    from model.checkpoint import library

    kept = library.set_default(name, user_dir=user_dir())
    chosen = _settings().model
    if chosen is None:
        typer.echo(f"{kept} is the default now, also for the next job of a service")
    else:
        typer.echo(f"{kept} is kept, but TOUCHLINE_MODEL={chosen} comes before it")


@models.command("archive")
def archive_model(
    name: Annotated[str, typer.Argument(help="Name of a checkpoint of the list.")],
) -> None:
    """Take a version no longer where its name is asked for; its file stays."""
    from model.checkpoint import library

    library.archive(name, user_dir=user_dir(), chosen=_settings().model)
    typer.echo(f"{name} is archived: jobs that name it still run with it")


@models.command("restore")
def restore_model(
    name: Annotated[str, typer.Argument(help="Name of an archived checkpoint.")],
) -> None:
    """Take a checkpoint back from the archive."""
    from model.checkpoint import library

    library.restore(name, user_dir=user_dir())
    typer.echo(f"{name} is restored")


@models.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(help="A .touchline file.")],
    name: Annotated[
        str | None, typer.Option(help="What it is called here; else as it is there.")
    ] = None,
) -> None:
    """Copy a checkpoint from elsewhere among your own; no file is replaced."""
    from model.checkpoint.archive import Checkpoint
    from model.checkpoint.publish import import_checkpoint_file

    name = name or Checkpoint.open(file).manifest.name
    made = import_checkpoint_file(file, name, user_dir())
    typer.echo(f"{made.manifest.name} is here: {made.path}")


@models.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="Name of a checkpoint of the list.")],
    out: Annotated[
        Path | None, typer.Option(help="Write here; else NAME.touchline in this folder")
    ] = None,
    force: Force = False,
) -> None:
    """Copy a checkpoint out, to import it elsewhere."""
    from model.checkpoint.archive import Checkpoint
    from model.checkpoint.renaming import copy_renamed

    path = find_model(name)
    target = out or Path(path.name)
    with output_file(target, inputs=[path], force=force).staged() as beside:
        checkpoint = Checkpoint.open(path)
        copy_renamed(checkpoint, beside, name=checkpoint.manifest.name)
    typer.echo(f"{path.stem} is written to {target}")


def find_model(name: str | None) -> Path:
    """Find the checkpoint a verb shall use: named, else set, else chosen, else ours."""
    from model.checkpoint.library import find_checkpoint

    return find_checkpoint(name, user_dir=user_dir(), chosen=_settings().model)


def place_of(path: Path) -> Path:
    """Say where a changed checkpoint goes: what came with Touchline stays as it is."""
    from model.checkpoint.library import BUNDLED_DIR

    if path.resolve().parent != BUNDLED_DIR.resolve():
        return path
    user_dir().mkdir(parents=True, exist_ok=True)
    message = f"{path.stem} came with Touchline and stays as it is: yours shadows it"
    typer.echo(message, err=True)
    return user_dir() / path.name


def _cost(manifest: "Manifest", batch: int) -> "Mapping[str, Any] | None":
    """Count what a network costs, or read what its export has counted."""
    from dataclasses import asdict
    from importlib.util import find_spec

    if find_spec("torch") is not None and find_spec("timm") is not None:
        from model.network.cost import cost_of

        return asdict(cost_of(manifest.config, manifest.frame_spec, steps=batch))
    told: Mapping[str, Any] | None = manifest.engines.get("openvino", {}).get("cost")
    if told is None:
        return None
    # Nearly linear: what lives at once is a few layers of all steps.
    share = batch / told["steps"]
    return {**told, "activations_bytes": told["activations_bytes"] * share}


def _facts(
    checkpoint: "Checkpoint", cost: "Mapping[str, Any] | None", batch: int
) -> dict[str, Any]:
    manifest = checkpoint.manifest
    config, spec = manifest.config, manifest.frame_spec
    facts: dict[str, Any] = {
        "name": manifest.name,
        "file": str(checkpoint.path),
        "size_mib": round(checkpoint.path.stat().st_size / 2**20, 1),
        "architecture": f"{config.feature_arch} + {config.temporal_arch or 'linear'}",
        "options": asdict(config.head_options),
        "outputs": dict(config.outputs),
        "clip_len": config.clip_len,
        "labels": list(manifest.labels),
        "input": f"{spec.out_width}x{spec.out_height} at {spec.fps:g} a second",
        "look_ahead_s": manifest.look_ahead_s,
        "parameters": checkpoint.count_parameters(),
    }
    if cost is None:
        facts["gmac_per_frame"] = "counted where torch is installed"
    else:
        facts["gmac_per_frame"] = round(cost["gmac_per_step"], 3)
        facts["fp16_weights_mib"] = round(cost["weights_bytes"] / 2**20, 1)
        facts["fp16_activations_mib"] = round(cost["activations_bytes"] / 2**20, 1)
        facts["fp16_batch"] = batch
    spotting = manifest.spotting.to_dict()
    facts |= {f"spotting_{key}": value for key, value in spotting.items()}
    facts["engines"] = dict(manifest.engines)
    return facts | manifest.provenance.to_dict()


def _entry_object(entry: "Entry") -> dict[str, Any]:
    manifest = entry.manifest
    return {
        "name": entry.name,
        "path": str(entry.path),
        "is_bundled": entry.is_bundled,
        "is_default": entry.is_default,
        "is_archived": entry.is_archived,
        "problem": entry.problem or None,
        "feature_arch": manifest.config.feature_arch if manifest else None,
        "temporal_arch": manifest.config.temporal_arch if manifest else None,
        "labels": list(manifest.labels) if manifest else None,
        "look_ahead_s": manifest.look_ahead_s if manifest else None,
        "engines": sorted(manifest.engines) if manifest else None,
    }


def _entry_line(entry: "Entry") -> str:
    mark = "*" if entry.is_default else " "
    if entry.manifest is None:
        return f"{mark} {entry.name:<24} {entry.problem}"
    config = entry.manifest.config
    made_of = f"{config.feature_arch} + {config.temporal_arch or 'linear'}"
    origin = "bundled" if entry.is_bundled else "yours"
    if entry.is_archived:
        origin = "archived"
    labels = ", ".join(entry.manifest.labels)
    return f"{mark} {entry.name:<24} {made_of:<24} {origin:<8} {labels}"


def _told(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else "-"
    return str(value) or "-"


def user_dir() -> Path:
    """Say where the user's own checkpoints lie."""
    return _settings().data_dir / "models"


def _settings() -> "Settings":
    from app.core.settings import Settings

    return Settings()
