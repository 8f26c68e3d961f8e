"""AP against look-ahead: one causal trunk, a head for each look-ahead.

    python -m benchmarks.live_heads configs/rny002_gsm_live.yaml --trunk CHECKPOINT \
        --teacher arena-rny002 --out live-heads/ --steps 3 5 10

The trunk runs once over each match, and over augmented copies of those of training;
its features are kept in the folder, in half precision. The heads then learn from labels
and the teacher's scores, which takes minutes. Nothing is chosen on val: the weights of
a head are the average at its last step. What is there already is not done again.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_checkpoint
from model.checkpoint.manifest import Manifest, Provenance
from model.checkpoint.spotter_io import save_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.data.frame_store import StoredMatch
from model.data.labels import MatchLabels
from model.engines.openvino_engine import OpenVinoRuntime
from model.engines.runtime import Frames
from model.evaluation.timed import TimedMatch
from model.export.openvino import attach_engines, head_model, trunk_model
from model.network.activations import ActivatedHead
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.spotting.inference import stream_features
from model.spotting.timeline import Timeline
from model.training.augment import augment_clip, plain_clip
from model.training.batches import stacked
from model.training.config import TrainConfig, read_config, with_distillation
from model.training.dataset import RandomClips
from model.training.distillation import student_of, with_teacher
from model.training.ema import averaged_spotter
from model.training.measures import measures
from model.training.optimiser import lr_share, make_optimiser
from model.training.outputs import DISTILLATION, loss_terms, target_makers
from model.training.targets import TeacherTargets
from model.training.training_data import TrainingData, load_data

SEGMENT_STEPS = 200  # One camera and light for so long.
OTHER_SIDE = {"left": "right", "right": "left"}


def main() -> None:
    """Train the heads and print a row for each."""
    options = _parse_options()
    torch.set_num_threads(options.threads)
    config = with_distillation(read_config(options.config, report=print))
    data = with_teacher(
        load_data(config, report=print),
        config,
        find_checkpoint(options.teacher),
        report=print,
    )
    teacher = Checkpoint.open(find_checkpoint(options.trunk or options.teacher))
    base = student_of(teacher, config.model_config(data.labels))
    train, val = _cached(base, data, config, options)
    curves = dict(data.curves or {})
    for match in train:
        curves.setdefault(match.name, curves[match.name.split("~")[0]])
    for steps in options.steps:
        path = options.out / f"look-ahead-{steps}.touchline"
        if not path.is_file():
            network = _with_look_ahead(teacher, config, data.labels, steps)
            _train_head(network, train, curves, data.labels, config, options)
            _save(network, path, data, config, options)
        network = student_of(
            Checkpoint.open(path), _config_of(config, data.labels, steps)
        )
        timed = [_timed(network, match, data.labels) for match in val]
        scores = measures(timed, data.labels, tolerance_s=0.5)
        print(json.dumps({"look_ahead_s": steps / config.input.fps, **scores}))


def _config_of(config: TrainConfig, labels: tuple[str, ...], steps: int) -> ModelConfig:
    return replace(config.model_config(labels), options={"look_ahead": steps})


def _with_look_ahead(
    teacher: Checkpoint, config: TrainConfig, labels: tuple[str, ...], steps: int
) -> Spotter:
    torch.manual_seed(config.run.seed)
    return student_of(teacher, _config_of(config, labels, steps))


def _cached(
    base: Spotter, data: TrainingData, config: TrainConfig, options: argparse.Namespace
) -> tuple[list[StoredMatch], list[StoredMatch]]:
    """Give the matches with features instead of frames: of train and of val."""
    runtime = OpenVinoRuntime(
        trunk_model(base, config.input),
        head_model(base),
        delay=0,
        threads=options.threads,
    )
    began = time.monotonic()

    def featured(match: StoredMatch, part: str, copy: int) -> StoredMatch:
        path = options.out / "features" / f"{part}-{match.name}-{copy}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            pieces = [
                np.concatenate(list(stream_features(images, runtime)))
                for images in _segments(match, config, copy)
            ]
            np.save(path, np.concatenate(pieces).astype(np.float16))
            print(f"{time.monotonic() - began:6.0f} s  {path.name}", flush=True)
        name = match.name if copy == 0 else f"{match.name}~{copy}"
        labels = match.labels if copy % 2 == 0 else _mirrored(match.labels)
        return replace(match, name=name, frames=np.load(path), labels=labels)

    val = [featured(match, "val", 0) for match in data.val]
    train = [
        featured(match, "train", copy)
        for copy in range(options.copies + 1)
        for match in data.train
    ]
    return train, val


def _segments(
    match: StoredMatch, config: TrainConfig, copy: int
) -> Iterator[Iterator[Frames]]:
    """Give pictures: all of the match as it is, or each segment of it as a copy is."""
    step = len(match) if copy == 0 else SEGMENT_STEPS
    for first in range(0, len(match), step):
        yield _pictures(match, first, min(first + step, len(match)), config, copy)


def _pictures(
    match: StoredMatch, first: int, end: int, config: TrainConfig, copy: int
) -> Iterator[Frames]:
    if copy == 0:
        for row in range(first, end):
            frame = torch.from_numpy(np.array(match.frames[row : row + 1]))
            shown = plain_clip(frame, config.input)[0]
            yield shown.permute(1, 2, 0).contiguous().numpy()
        return
    frames = torch.from_numpy(np.array(match.frames[first:end]))
    strength = replace(config.augment, flip=0.0)
    seed = (config.run.seed + copy, first)
    clip = augment_clip(frames, config.input, strength, seed=seed).frames
    clip = clip.flip(-1) if copy % 2 else clip
    for picture in clip:
        yield picture.permute(1, 2, 0).contiguous().numpy()


def _mirrored(labels: MatchLabels) -> MatchLabels:
    events = tuple(
        replace(event, team=OTHER_SIDE.get(event.team or "", event.team))
        for event in labels.events
    )
    return replace(labels, events=events)


def _train_head(
    network: Spotter,
    matches: list[StoredMatch],
    curves: dict[str, NDArray[np.float32]],
    labels: tuple[str, ...],
    config: TrainConfig,
    options: argparse.Namespace,
) -> None:
    network.requires_grad_(False)
    parts = torch.nn.ModuleList([network._pred_fine, network._output_heads])
    parts.requires_grad_(True)
    settings = replace(
        config.optimiser, steps=options.updates, warmup_steps=50, lr=options.lr
    )
    optimiser = make_optimiser(parts, settings, is_fused=True)
    makers = target_makers(config, teacher=TeacherTargets(curves))
    clips = RandomClips(
        matches,
        labels,
        replace(config.clips, steps=options.clip, speed_range=(1.0, 1.0)),
        seed=config.run.seed,
        makers=makers,
    )
    terms, weights = loss_terms(config, labels), config.loss.terms
    average = averaged_spotter(network, decay=0.99)
    network._pred_fine.train()
    began = time.monotonic()
    for number in range(options.updates):
        drawn = [clips.draw(number * options.batch + i) for i in range(options.batch)]
        features = torch.from_numpy(np.stack([c.frames for c in drawn])).float()
        torch.manual_seed(config.run.seed * 1_000_003 + number)
        raw = network.head(features)
        raw[DISTILLATION] = raw["scores"]
        made = {name: stacked([c.targets[name] for c in drawn]) for name in terms}
        values = {name: term(raw[name], *made[name]) for name, term in terms.items()}
        loss = torch.stack([weights.get(n, 1.0) * v for n, v in values.items()]).sum()
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * lr_share(number, settings)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch's own
        torch.nn.utils.clip_grad_norm_(parts.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(network)
        if number % 50 == 0:
            told = {name: round(float(v), 3) for name, v in values.items()}
            print(f"{time.monotonic() - began:6.0f} s  {number}  {told}", flush=True)
    network.load_state_dict(average.module.state_dict())
    network.eval()


@torch.inference_mode()
def _timed(network: Spotter, match: StoredMatch, labels: tuple[str, ...]) -> TimedMatch:
    """Run the head over a whole match at once, as its stream does."""
    head = ActivatedHead(network).eval()
    features = torch.from_numpy(np.array(match.frames)).float()[None]
    rows = dict(zip(head.names, (x[0].numpy() for x in head(features)), strict=True))
    timeline = Timeline(
        labels=labels,
        scores=rows.pop("scores"),
        time_s=match.time_s,
        frame=match.frame,
        pts=match.pts,
        outputs=rows,
    )
    return TimedMatch(match.name, timeline, match.labels.events, match.labels.reviewed)


def _save(
    network: Spotter,
    path: Path,
    data: TrainingData,
    config: TrainConfig,
    options: argparse.Namespace,
) -> None:
    manifest = Manifest(
        name=config.name,
        config=network.config,
        labels=data.labels,
        frame_spec=config.input,
        spotting=SpottingOptions.default(data.labels),
        provenance=Provenance(
            trained_on=config.provenance.trained_on,
            steps=options.updates,
            licence=config.provenance.licence,
            notes=config.provenance.notes,
        ),
    )
    save_spotter(path, network, manifest)
    attach_engines(path)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="a training run of a live network")
    parser.add_argument("--teacher", default="arena-rny002")
    parser.add_argument("--trunk", help="whose backbone; else the teacher's, causal")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, nargs="+", default=[3, 5, 10])
    parser.add_argument("--copies", type=int, default=1, help="augmented ones")
    parser.add_argument("--updates", type=int, default=800, help="optimiser steps")
    parser.add_argument("--batch", type=int, default=16, help="clips")
    parser.add_argument("--clip", type=int, default=96, help="steps")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
