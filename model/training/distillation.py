"""Learn from another checkpoint: its scores as soft targets, its weights to begin.

The teacher sees each match uncut and as serving shows it; its curves are kept in the
frame store, so that a run that is resumed, or another one, need not ask again.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.checkpoint.archive import WEIGHTS, Checkpoint
from model.checkpoint.spotter_io import fill_spotter
from model.data.frame_store import StoredMatch
from model.errors import BadAnnotations
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.reporter import Reporter
from model.spotting.predictor import Predictor, load_predictor
from model.training.augment import plain_clip
from model.training.config import TrainConfig
from model.training.training_data import TrainingData
from model.video.decode import Step

Floats = NDArray[np.float32]

_OF_HEADS = ("_pred_fine._fc_out.", "_output_heads.")


def with_teacher(
    data: TrainingData, config: TrainConfig, teacher: Path, *, report: Reporter
) -> TrainingData:
    """Add the curves of a teacher to the matches of a run.

    Args:
        data: the matches.
        config: the run.
        teacher: a checkpoint with the same labels and picture.
        report: takes lines for the user.

    Raises:
        BadAnnotations: the teacher has other labels, another picture or rate, or its
            labels do not exclude each other.
        BadCheckpoint: its file is damaged.
    """
    checkpoint = Checkpoint.open(teacher)
    _check_teacher(checkpoint, data, config)
    predictor = load_predictor(teacher)
    sha = checkpoint.manifest.files[WEIGHTS].sha256[:16]
    root = Path(config.data.store) / "curves" / sha
    curves = {}
    for done, match in enumerate(data.train, start=1):
        path = root / f"{match.name}-{_key_of(match, config)}.npy"
        if not path.is_file():
            _write(path, curves_of(predictor, match, config))
            report(f"{done}/{len(data.train)}  curves of {match.name}")
        curves[match.name] = np.load(path)
    return replace(data, curves=curves)


def curves_of(predictor: Predictor, match: StoredMatch, config: TrainConfig) -> Floats:
    """Ask a teacher about each stored frame: scores (T, C + 1).

    Where the store has several frames a step, one phase after the other.
    """
    phases = config.frames_per_step
    parts = [np.arange(phase, len(match), phases) for phase in range(phases)]
    found = np.zeros((len(match), len(predictor.manifest.labels) + 1), np.float32)
    for part in parts:
        found[part] = predictor.predict(_steps(match, part, config)).scores
    return found


def _steps(
    match: StoredMatch, rows: NDArray[np.int64], config: TrainConfig
) -> Iterator[Step]:
    for row in rows:
        frames = torch.from_numpy(match.frames[row : row + 1].copy())
        shown = plain_clip(frames, config.input)[0].permute(1, 2, 0).contiguous()
        yield Step(
            image=shown.numpy(),
            time_s=float(match.time_s[row]),
            frame=int(match.frame[row]),
            pts=int(match.pts[row]),
        )


def student_of(teacher: Checkpoint, wanted: ModelConfig) -> Spotter:
    """Build a network that begins with what fits of a teacher's weights.

    The backbone's keys are the same whatever its shifts look at. A causal head takes
    the forward half of a `gru`: its recurrent weights, and of each layer behind it the
    columns that read them.

    Raises:
        BadAnnotations: the backbones differ.
    """
    theirs = teacher.manifest.config
    if theirs.feature_arch != wanted.feature_arch:
        raise BadAnnotations(
            f"the teacher has the backbone {theirs.feature_arch}, the config wants "
            f"{wanted.feature_arch}: a student starts from a teacher of the same one; "
            "name another checkpoint with --from"
        )
    state = Spotter(wanted).state_dict()
    given = {
        key.replace("_pred_fine._fc_out._fc_out.", _OF_HEADS[0]): torch.as_tensor(value)
        for key, value in teacher.read_weights().items()
    }
    for key, weight in given.items():
        if key in state and key.startswith(_OF_HEADS) and weight.dim() == 2:
            weight = weight[:, : state[key].shape[1]]
        if key in state and weight.shape == state[key].shape:
            state[key] = weight.to(state[key].dtype)
    return fill_spotter(wanted, state)


def _check_teacher(
    checkpoint: Checkpoint, data: TrainingData, config: TrainConfig
) -> None:
    manifest = checkpoint.manifest
    if manifest.labels != data.labels:
        raise BadAnnotations(
            f"the teacher {manifest.name} tells {', '.join(manifest.labels)}, the run "
            f"{', '.join(data.labels)}: they must be the same, in the same order"
        )
    if manifest.frame_spec != config.input:
        raise BadAnnotations(
            f"the teacher {manifest.name} sees {manifest.frame_spec}, the run "
            f"{config.input}: they must be the same"
        )
    scores = (manifest.config.declared_outputs[0], config.output_options["scores"])
    kinds = {scores[0].activation, scores[1].declare(len(data.labels)).activation}
    if kinds != {"softmax"}:
        raise BadAnnotations(
            "distillation needs scores with softmax, of the teacher and of the run"
        )


def _key_of(match: StoredMatch, config: TrainConfig) -> str:
    """Tell apart what a teacher would answer differently to."""
    parts = (config.input.to_dict(), config.frames_per_step)
    digest = hashlib.sha256(repr(parts).encode())
    digest.update(match.frame.tobytes())
    digest.update(np.ascontiguousarray(match.frames[:: max(1, len(match) // 8)]).data)
    return digest.hexdigest()[:16]


def _write(path: Path, values: Floats) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, values)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
