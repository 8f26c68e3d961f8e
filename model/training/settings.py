"""The sections of a training run's config, with what they are when left out."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field

from model.training.section import NotNegative, Positive, Whole, section

BelowOne = Annotated[float, Field(ge=0, lt=1)]
OnCorrupt = Literal["stop", "skip"]


@section
class NetworkSettings:
    """The network to train; how many classes it has, the labels say.

    Attributes:
        feature_arch: backbone with its shift.
        temporal_arch: head.
        clip_len: steps a clip at most.
        options: of the head.
        outputs: options of each output besides plain scores, by name
            (see `model.network.outputs`).
        look_ahead_sites: how many shifts of the backbone see later steps, too; None
            is all (see `model.network.config`).
        is_pretrained: start the backbone from ImageNet's weights where they can
            be had, else from noise; the log says which.
        has_frozen_norms: keep the batch norms' running statistics as they are, for a
            run that starts from a checkpoint; see `frozen`.
    """

    feature_arch: str
    temporal_arch: str
    clip_len: Whole
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    look_ahead_sites: Annotated[int, Field(ge=0)] | None = None
    is_pretrained: bool = True
    has_frozen_norms: bool = False


@section
class DataSettings:
    """Where matches come from.

    Attributes:
        store: folder of prepared frames.
        store_fps: frames a second that training matches have there, a whole multiple
            of `input.fps`, so that clips start between two steps as well and play at
            any speed; None is `input.fps`.
        train: folder of labelled videos, or None if `split` says.
        val: the same for validation.
        split: a file of `touchline data split`, with `root` below it.
        hard_negatives: a file of false alarms (`touchline train --folds` writes it),
            about which clips are drawn more often.
        in_memory: copy the frames into memory instead of mapping them.
        on_corrupt: what to do about a video that cannot be decoded.
    """

    store: str
    store_fps: Positive | None = None
    train: str | None = None
    val: str | None = None
    split: str | None = None
    hard_negatives: str | None = None
    in_memory: bool = False
    on_corrupt: OnCorrupt = "stop"


@section
class Stage:
    """A stretch of the run with pictures or clips of its own size.

    Attributes:
        until: the stage ends at this share of all steps, in (0, 1].
        size: width and height of the pictures; None is the input's own.
        clip_steps: steps a clip; None is `clips.steps`.
        batch: clips a process; None is `batch`.
    """

    until: Annotated[float, Field(gt=0, le=1)]
    size: tuple[Whole, Whole] | None = None
    clip_steps: Whole | None = None
    batch: Whole | None = None


@section
class LossSettings:
    """How the loss is weighted.

    Attributes:
        weights: by label, and `background`; what is not named weighs `foreground`.
        foreground: weight of a label.
        gamma: of the focal loss; 0 is cross entropy.
        smoothing: of the targets.
        terms: weight of each term, by the name of its output; those not named weigh
            1. `phase` has each step name its latest event as well (see `phases`); it
            is left out unless it has a weight. `distillation` follows a teacher's
            scores (see `distillation`); it needs one.
        team_radius: steps to each side of an event at which its team is trained.
    """

    weights: Mapping[str, Positive] = field(default_factory=dict)
    foreground: Positive = 5.0
    gamma: NotNegative = 0.0
    smoothing: BelowOne = 0.0
    terms: Mapping[str, NotNegative] = field(default_factory=dict)
    team_radius: NotNegative = 2.0

    def for_labels(self, labels: tuple[str, ...]) -> list[float]:
        """List the weights in the order of the logits, background first."""
        background = self.weights.get("background", 1.0)
        return [background] + [self.weights.get(x, self.foreground) for x in labels]


@section
class OptimiserSettings:
    """AdamW with warm-up and cosine, stepped per optimiser step.

    Attributes:
        lr: at its highest.
        weight_decay: of matrices and kernels; norms and biases have none.
        warmup_steps: from a hundredth of `lr`, in a line.
        steps: optimiser steps in all; the cosine ends here.
        clip_norm: gradients are scaled down to this norm; 0 leaves them.
        accumulate: batches a step.
        ema: decay of the averaged weights, which are the ones kept; 0 is none.
        mixup: alpha of Beta(alpha, alpha); 0 is none.
    """

    lr: Positive = 1e-3
    weight_decay: NotNegative = 0.01
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    steps: Whole = 3000
    clip_norm: NotNegative = 1.0
    accumulate: Whole = 1
    ema: BelowOne = 0.998
    mixup: NotNegative = 0.0


@section
class RunSettings:
    """How the run is executed.

    Attributes:
        seed: decides clips, augmentation and dropout.
        accelerator: "auto", "cpu" or "gpu".
        devices: processes; more than one is data-parallel (DDP). Where torchrun
            starts them, it says how many.
        batch_norm: "per-process" normalises by the clips of each process, and keeps
            the first one's running statistics; "synchronised" by those of all, on
            GPUs.
        threads: CPU threads a process; 0 leaves the library's choice.
        precision: Lightning's name: "32-true", "bf16-mixed", "16-mixed".
        is_compiled: compile the trunk first, which takes minutes for each size of
            picture and gives a quicker run.
        workers: loader processes a training process; 0 loads in the process.
        checkpoint_minutes: between two full checkpoints.
        validate_steps: optimiser steps between two validations.
        tolerance_s: of the mAP by which the best weights are kept.
        overlap: of the head's windows in validation, in [0, 1): as it will serve.
        logger: "tensorboard", "wandb" or "none".
        checkpoints_to: where in object storage the run's checkpoints are copied to,
            and fetched from to resume: "s3://bucket/prefix", "gs://..." or "az://...";
            empty is nowhere.
    """

    seed: int = 7
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: Whole = 1
    batch_norm: Literal["per-process", "synchronised"] = "per-process"
    threads: Annotated[int, Field(ge=0)] = 0
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    is_compiled: bool = False
    workers: Annotated[int, Field(ge=0)] = 0
    checkpoint_minutes: Positive = 5.0
    validate_steps: Whole = 500
    tolerance_s: Positive = 0.5
    overlap: BelowOne = 0.875
    logger: Literal["tensorboard", "wandb", "none"] = "tensorboard"
    checkpoints_to: str = ""


@section
class ProvenanceSettings:
    """What the finished checkpoint says about where it comes from."""

    trained_on: str = ""
    licence: str = ""
    notes: str = ""
