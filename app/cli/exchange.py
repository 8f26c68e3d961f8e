"""`touchline import-checkpoint` and `export`: networks come in, and go out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.models import Name, find_model, place_of, user_dir
from app.cli.output import Force, Output, output_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model.checkpoint.archive import Checkpoint
    from model.engines.runtime import Frames
    from model.video.frame_spec import FrameSpec

# What E2E-Spot's own extraction makes of a 16:9 video.
E2ESPOT_HEIGHT_PX = 224
ASPECT = 16 / 9

# Of each validation match, to take int8's ranges from.
INT8_STEPS = 200

ExportForm = Literal["openvino", "onnx", "onnxruntime"]


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
    force: Force = False,
) -> None:
    """Bring in a checkpoint of E2E-Spot (or opensportslib)."""
    _need_torch("import-checkpoint")
    from model.checkpoint.importers.e2espot import read_run

    config = config or weights.parent / "config.json"
    classes = classes or weights.parent / "class.txt"
    run = read_run(weights, config, classes)
    if fps is None:
        _note("--fps was not given: 25 frames a second are assumed")
    if height is None:
        _note(f"--height was not given: {E2ESPOT_HEIGHT_PX} pixels are assumed")
    name = name or f"{run.config.feature_arch}-{weights.stem}"
    spec = _frame_spec(height or E2ESPOT_HEIGHT_PX, width, fps or 25.0, run.crop_dim)
    path = out or user_dir() / f"{name}.touchline"
    path.parent.mkdir(parents=True, exist_ok=True)
    target = output_file(path, inputs=(weights, config, classes), force=force)
    with target.staged() as beside:
        run.save(beside, name=name, frame_spec=spec, precision=precision)
        if export_it:
            _note("making the CPU engine's form and checking it against torch ...")
            _exported(beside, "openvino", video=None, out=beside)
    _tell_written(path)
    _note("thresholds are middling until `touchline calibrate` has chosen them")


def export(
    name: Name = None,
    form: Annotated[
        ExportForm, typer.Option("--format", help="What to make.")
    ] = "openvino",
    video: Annotated[
        Path | None,
        typer.Option(help="Frames to compare scores on; else a sample's."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the checkpoint here, or with .onnx the network alone; else "
            "in place, or among your models where it came with Touchline."
        ),
    ] = None,
    precision: Annotated[
        Literal["float32", "int8"],
        typer.Option(help="int8 is added if mAP on --data falls by less than 0.01."),
    ] = "float32",
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of labelled validation matches, for int8."),
    ] = None,
    force: Force = False,
) -> None:
    """Make a checkpoint's form for another runtime, and check it against torch."""
    from model.checkpoint.archive import SUFFIX

    _need_torch("export")
    path = find_model(name)
    if video is not None and not video.is_file():
        raise typer.BadParameter(f"there is no file {video}")
    out = out or place_of(path)
    if precision == "int8":
        if data is None or form != "openvino":
            raise typer.BadParameter(
                "int8 is made for --format openvino, and measured on labelled matches: "
                "name their folder with --data"
            )
        _add_int8(path, data, out=out, force=force)
        return
    inputs = [] if video is None else [video]
    if out.suffix == ".onnx" and form == "onnx":
        alone = output_file(out, inputs=[*inputs, path], force=force)
        _write_onnx(path, video=video, target=alone)
        return
    if out.suffix != SUFFIX:
        raise typer.BadParameter(
            f"--out {out} should end in {SUFFIX}, or in .onnx with --format onnx; "
            "OpenVINO's form is two models with their facts and lives in the checkpoint"
        )
    target = output_file(out, inputs=inputs, force=force, updates=path)
    with target.staged() as beside:
        _exported(path, form, video=video, out=beside)
    _tell_written(out)


def _exported(
    path: Path, form: ExportForm, *, video: Path | None, out: Path
) -> "Checkpoint":
    from model.checkpoint.archive import Checkpoint

    frames: Sequence[Frames] = ()
    if video is not None:
        from model.export.sample import sample_frames

        spec = Checkpoint.open(path).manifest.frame_spec
        frames = list(sample_frames(spec, video=video))
    if form == "onnx":
        from model.export.onnx import attach_onnx

        return attach_onnx(path, frames=frames, out=out)
    if form == "onnxruntime":
        from model.export.onnx_stream import attach_onnx_stream

        return attach_onnx_stream(path, frames=frames, out=out)
    from model.export.openvino import attach_engines

    return attach_engines(path, frames=frames, out=out)


def _add_int8(path: Path, data: Path, *, out: Path, force: bool) -> None:
    """Take ranges from some validation matches; keep it if it does well on others."""
    from model.checkpoint.archive import Checkpoint
    from model.data.labels import files_of
    from model.data.matches import find_matches
    from model.evaluation.evaluate import mean_ap
    from model.export.int8 import attach_int8
    from model.export.sample import sample_frames

    matches = find_matches(data)
    if len(matches) < 2:
        raise typer.BadParameter(
            f"{data} holds one match; int8 needs two at least: its ranges are taken "
            "from one half of them and its accuracy is measured on the other"
        )
    ranges, gate = matches[::2], matches[1::2]
    target = output_file(out, inputs=files_of(matches), force=force, updates=path)
    spec = Checkpoint.open(path).manifest.frame_spec
    with target.staged() as beside:
        outcome = attach_int8(
            path,
            [sample_frames(spec, video=m.video, steps=INT8_STEPS) for m in ranges],
            measure=lambda predictor: mean_ap(predictor, gate, log=_note),
            out=beside,
        )
    typer.echo(
        f"mAP float32 {outcome.float32:.4f}, int8 {outcome.int8:.4f} on {len(gate)} "
        f"matches; ranges from {len(ranges)} others"
    )
    if not outcome.is_kept:
        typer.echo("int8 loses too much: it was not kept")
        raise typer.Exit(1)
    typer.echo(f"wrote {out}")


def _write_onnx(path: Path, *, video: Path | None, target: Output) -> None:
    """Write the ONNX network alone, checked as ever."""
    from model.checkpoint.archive import ENGINES
    from model.export.onnx import MEMBER

    with target.staged() as beside:
        made = _exported(path, "onnx", video=video, out=beside.with_name("made"))
        beside.write_bytes(made.read_member(f"{ENGINES}{MEMBER}"))
        _tell_difference(made)
    typer.echo(f"wrote {target.path}")


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


def _tell_written(path: Path) -> None:
    from model.checkpoint.archive import Checkpoint

    _tell_difference(Checkpoint.open(path))
    typer.echo(f"wrote {path}")


def _tell_difference(checkpoint: "Checkpoint") -> None:
    for kind, facts in checkpoint.manifest.engines.items():
        for precision, found in facts.get("precisions", {}).items():
            if precision == "int8":  # Measured by its mAP, not by its scores.
                continue
            typer.echo(
                f"{kind} {precision}: max score difference from torch "
                f"{found['max_score_difference']:.1e} on {found['checked_steps']} "
                f"steps of {found['checked_on']}"
            )


def _need_torch(verb: str) -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("timm") is None:
        raise typer.BadParameter(
            f"`touchline {verb}` needs torch: run it from the environment that "
            "`make dev` makes, or install the package with its extra train"
        )


def _note(message: str) -> None:
    typer.echo(message, err=True)
