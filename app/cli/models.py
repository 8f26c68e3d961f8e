"""`touchline import-checkpoint`, `export` and `models`: checkpoints as files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from app.core.settings import Settings
    from model.library import Entry
    from model.network.checkpoint import Checkpoint
    from model.network.cost import Cost
    from model.network.manifest import Manifest
    from model.video.frame_spec import FrameSpec

# What E2E-Spot's own extraction makes of a 16:9 video.
E2ESPOT_HEIGHT_PX = 224
ASPECT = 16 / 9
CHECKED_STEPS = 64

ExportForm = Literal["openvino", "onnx"]
Name = Annotated[
    str | None,
    typer.Argument(help="Name or path of a checkpoint; the default one if left out."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]

models = typer.Typer(help="The checkpoints there are.", no_args_is_help=True)


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the checkpoints, bundled and your own."""
    from model.library import list_checkpoints

    entries = list_checkpoints(_user_dir(), chosen=_settings().model)
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
    from model.network.checkpoint import Checkpoint

    checkpoint = Checkpoint.open(find_model(name))
    cost = _cost(checkpoint.manifest, batch)
    facts = _facts(checkpoint, cost, batch)
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
    from model import library

    library.set_default(name, user_dir=_user_dir())
    chosen = _settings().model
    if chosen is None:
        typer.echo(f"{name} is the default now, also for the next job of a service")
    else:
        typer.echo(f"{name} is kept, but TOUCHLINE_MODEL={chosen} comes before it")


def import_checkpoint(
    weights: Annotated[
        Path, typer.Argument(help="checkpoint_NNN.pt of E2E-Spot or opensportslib.")
    ],
    config: Annotated[
        Path | None, typer.Option(help="config.json; beside the weights if left out.")
    ] = None,
    classes: Annotated[
        Path | None, typer.Option(help="class.txt; beside the weights if left out.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the checkpoint is to be called.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.1, help="Frame rate it was trained at.")
    ] = None,
    height: Annotated[
        int | None, typer.Option(min=32, help="Height its frames were scaled to.")
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=32, help="Width; 16:9 if left out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write here, not among your models.")
    ] = None,
    precision: Annotated[
        Literal["fp32", "fp16"], typer.Option(help="Of the weights in the file.")
    ] = "fp32",
    export_it: Annotated[
        bool, typer.Option("--export/--no-export", help="Make the CPU's form as well.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a file.")] = False,
) -> None:
    """Bring in a checkpoint of E2E-Spot (or opensportslib)."""
    _need_torch("import-checkpoint")
    from model.network.e2espot import read_run

    run = read_run(
        weights,
        config or weights.parent / "config.json",
        classes or weights.parent / "class.txt",
    )
    if fps is None:
        _note("--fps was not given: 25 frames a second are assumed")
    if height is None:
        _note(f"--height was not given: {E2ESPOT_HEIGHT_PX} pixels are assumed")
    name = name or f"{run.config.feature_arch}-{weights.stem}"
    path = out or _user_dir() / f"{name}.touchline"
    if path.exists() and not force:
        raise typer.BadParameter(f"{path} is there already; --force replaces it")

    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = run.save(
        path,
        name=name,
        frame_spec=_frame_spec(
            height or E2ESPOT_HEIGHT_PX, width, fps or 25.0, run.crop_dim
        ),
        precision=precision,
    )
    if export_it:
        _note("making the CPU engine's form and checking it against torch ...")
        checkpoint = _exported(path, "openvino", video=None, out=path)
    _tell_written(checkpoint)
    _note("thresholds are middling until `touchline calibrate` has chosen them")


def export(
    name: Name = None,
    form: Annotated[
        ExportForm, typer.Option("--format", help="What to make.")
    ] = "openvino",
    video: Annotated[
        Path | None,
        typer.Option(help="Real frames to compare scores on; else drawn ones."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the checkpoint here; else in place."),
    ] = None,
) -> None:
    """Make a checkpoint's form for another runtime, and check it against torch."""
    _need_torch("export")
    path = find_model(name)
    if video is not None and not video.is_file():
        raise typer.BadParameter(f"there is no file {video}")
    _tell_written(_exported(path, form, video=video, out=out or path))


def find_model(name: str | None) -> Path:
    """Find the checkpoint a verb shall use: named, else set, else chosen, else ours."""
    from model.library import find_checkpoint

    return find_checkpoint(name, user_dir=_user_dir(), chosen=_settings().model)


def _exported(
    path: Path, form: ExportForm, *, video: Path | None, out: Path
) -> "Checkpoint":
    from model.network.checkpoint import Checkpoint

    spec = Checkpoint.open(path).manifest.frame_spec
    frames = None if video is None else list(_frames(video, spec))
    if form == "onnx":
        from model.engines.onnx_export import attach_onnx

        return attach_onnx(path, frames=frames, out=out)
    from model.engines.export import attach_engines

    return attach_engines(path, frames=frames, out=out)


def _frames(video: Path, spec: "FrameSpec") -> "Iterator[npt.NDArray[np.uint8]]":
    from itertools import islice

    from model.video.decode import iter_steps

    for step in islice(iter_steps(video, spec), CHECKED_STEPS):
        yield step.image


def _frame_spec(
    height: int, width: int | None, fps: float, crop_dim: int | None
) -> "FrameSpec":
    from model.video.frame_spec import FrameSpec

    width = width or int(height * ASPECT)
    if crop_dim is None:
        return FrameSpec(width, height, fps=fps)
    if crop_dim > min(width, height):
        raise typer.BadParameter(
            f"the network was trained on crops of {crop_dim} pixels, more than frames "
            f"of {width}x{height} have; say --height and --width"
        )
    left, top = round((width - crop_dim) / 2), round((height - crop_dim) / 2)
    return FrameSpec(width, height, crop=(left, top, crop_dim, crop_dim), fps=fps)


def _cost(manifest: "Manifest", batch: int) -> "Cost | None":
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("timm") is None:
        return None
    from model.network.cost import cost_of

    return cost_of(manifest.config, manifest.frame_spec, steps=batch)


def _facts(checkpoint: "Checkpoint", cost: "Cost | None", batch: int) -> dict[str, Any]:
    manifest = checkpoint.manifest
    config, spec = manifest.config, manifest.frame_spec
    facts: dict[str, Any] = {
        "name": manifest.name,
        "file": str(checkpoint.path),
        "size_mib": round(checkpoint.path.stat().st_size / 2**20, 1),
        "architecture": f"{config.feature_arch} + {config.temporal_arch or 'linear'}",
        "options": config.head_options,
        "clip_len": config.clip_len,
        "labels": list(manifest.labels),
        "input": f"{spec.out_width}x{spec.out_height} at {spec.fps:g} a second",
        "parameters": checkpoint.count_parameters(),
    }
    if cost is None:
        facts["gmac_per_frame"] = "known where touchline[gpu] is installed"
    else:
        facts["gmac_per_frame"] = round(cost.gmac_per_step, 3)
        facts["fp16_weights_mib"] = round(cost.weights_bytes / 2**20, 1)
        facts["fp16_activations_mib"] = round(cost.activations_bytes / 2**20, 1)
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
        "problem": entry.problem or None,
        "feature_arch": manifest.config.feature_arch if manifest else None,
        "temporal_arch": manifest.config.temporal_arch if manifest else None,
        "labels": list(manifest.labels) if manifest else None,
        "engines": sorted(manifest.engines) if manifest else None,
    }


def _entry_line(entry: "Entry") -> str:
    mark = "*" if entry.is_default else " "
    if entry.manifest is None:
        return f"{mark} {entry.name:<24} {entry.problem}"
    config = entry.manifest.config
    made_of = f"{config.feature_arch} + {config.temporal_arch or 'linear'}"
    origin = "bundled" if entry.is_bundled else "yours"
    labels = ", ".join(entry.manifest.labels)
    return f"{mark} {entry.name:<24} {made_of:<24} {origin:<8} {labels}"


def _told(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else "-"
    return str(value) or "-"


def _tell_written(checkpoint: "Checkpoint") -> None:
    for kind, facts in checkpoint.manifest.engines.items():
        for precision, found in facts.get("precisions", {}).items():
            typer.echo(
                f"{kind} {precision}: max score difference from torch "
                f"{found['max_score_difference']:.1e} on {found['checked_steps']} "
                f"steps of {found['checked_on']}"
            )
    typer.echo(f"wrote {checkpoint.path}")


def _need_torch(verb: str) -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("timm") is None:
        raise typer.BadParameter(
            f"`touchline {verb}` needs torch: pip install 'touchline[train]'"
        )


def _note(message: str) -> None:
    typer.echo(message, err=True)


def _user_dir() -> Path:
    return _settings().data_dir / "models"


def _settings() -> "Settings":
    from app.core.settings import Settings

    return Settings()
