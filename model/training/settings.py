"""The sections of a training run's config, with what they are when left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OnCorrupt = Literal["stop", "skip"]


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The network to train; how many classes it has, the labels say.

    Attributes:
        feature_arch: backbone with its shift.
        temporal_arch: head.
        clip_len: steps a clip at most.
        options: of the head.
        is_pretrained: start the backbone from ImageNet's weights where they can
            be had, else from noise; the log says which.
        has_frozen_norms: keep the batch norms' running statistics as they are, for a
            run that starts from a checkpoint; see `frozen`.
    """

    feature_arch: str
    temporal_arch: str
    clip_len: int
    options: Mapping[str, Any] = field(default_factory=dict)
    is_pretrained: bool = True
    has_frozen_norms: bool = False


@dataclass(frozen=True, slots=True)
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
        in_memory: copy the frames into memory instead of mapping them.
        on_corrupt: what to do about a video that cannot be decoded.
    """

    store: str
    store_fps: float | None = None
    train: str | None = None
    val: str | None = None
    split: str | None = None
    in_memory: bool = False
    on_corrupt: OnCorrupt = "stop"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the run with pictures or clips of its own size.

    Attributes:
        until: the stage ends at this share of all steps, in (0, 1].
        size: width and height of the pictures; None is the input's own.
        clip_steps: steps a clip; None is `clips.steps`.
        batch: clips a process; None is `batch`.
    """

    until: float
    size: tuple[int, int] | None = None
    clip_steps: int | None = None
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class LossSettings:
    """How the loss is weighted.

    Attributes:
        weights: by label, and `background`; what is not named weighs `foreground`.
        foreground: weight of a label.
        gamma: of the focal loss; 0 is cross entropy.
        smoothing: of the targets.
        phase: weight of naming each step's latest event as well (see `phases`); 0 is
            none.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    foreground: float = 5.0
    gamma: float = 0.0
    smoothing: float = 0.0
    phase: float = 0.0

    def for_labels(self, labels: tuple[str, ...]) -> list[float]:
        """List the weights in the order of the logits, background first."""
        background = self.weights.get("background", 1.0)
        return [background] + [self.weights.get(x, self.foreground) for x in labels]


@dataclass(frozen=True, slots=True)
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

    lr: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 100
    steps: int = 3000
    clip_norm: float = 1.0
    accumulate: int = 1
    ema: float = 0.998
    mixup: float = 0.0


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the run is executed.

    Attributes:
        seed: decides clips, augmentation and dropout.
        accelerator: "auto", "cpu" or "gpu".
        devices: processes; more than one is data-parallel (DDP).
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
    """

    seed: int = 7
    accelerator: str = "auto"
    devices: int = 1
    threads: int = 0
    precision: str = "32-true"
    is_compiled: bool = False
    workers: int = 0
    checkpoint_minutes: float = 5.0
    validate_steps: int = 500
    tolerance_s: float = 0.5
    overlap: float = 0.5
    logger: Literal["tensorboard", "wandb", "none"] = "tensorboard"

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap must be in [0, 1), got {self.overlap}")


@dataclass(frozen=True, slots=True)
class ProvenanceSettings:
    """What the finished checkpoint says about where it comes from."""

    trained_on: str = ""
    licence: str = ""
    notes: str = ""
