"""How each output of a network is trained: its targets and its term of the loss.

A new output is an entry of `TRAINED` here, beside its kind in `model.network.outputs`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model.network.outputs import SCORES
from model.training.config import TrainConfig
from model.training.losses import (
    LossTerm,
    MaskedCrossEntropy,
    MaskedSmoothL1,
    SigmoidScoreLoss,
    SoftmaxScoreLoss,
)
from model.training.targets import (
    DisplacementTargets,
    PhaseTargets,
    ScoreTargets,
    TargetMaker,
    TeamTargets,
)

# Not an output of the network: a layer beside it, for training alone (see `phases`).
PHASE = "phase"

# What a teacher believes of the scores (see `distillation`).
DISTILLATION = "distillation"


@dataclass(frozen=True, slots=True)
class TrainedOutput:
    """How one kind of output is trained.

    Attributes:
        targets: makes its targets, of the output's options and the run.
        term: makes its loss, of the output's options, the run and the labels.
    """

    targets: Callable[[Any, TrainConfig], TargetMaker]
    term: Callable[[Any, TrainConfig, tuple[str, ...]], LossTerm]


def _score_targets(options: Any, config: TrainConfig) -> TargetMaker:
    # A frame is labelled as the steps of any clip that it is in would be.
    per_step = config.frames_per_step
    radius = config.clips.dilation * per_step + per_step // 2
    return ScoreTargets(radius, is_exclusive=options.activation == "softmax")


def _score_term(options: Any, config: TrainConfig, labels: tuple[str, ...]) -> LossTerm:
    loss = config.loss
    kind = SoftmaxScoreLoss if options.activation == "softmax" else SigmoidScoreLoss
    weights = loss.for_labels(labels)
    return kind(weights, gamma=loss.gamma, smoothing=loss.smoothing)


TRAINED = {
    SCORES: TrainedOutput(_score_targets, _score_term),
    "displacement": TrainedOutput(
        lambda options, config: DisplacementTargets(options.radius, config.input.fps),
        lambda *_: MaskedSmoothL1(),
    ),
    "team": TrainedOutput(
        lambda options, config: TeamTargets(
            options.sides, config.loss.team_radius, config.input.fps
        ),
        lambda *_: MaskedCrossEntropy(),
    ),
}


def target_makers(
    config: TrainConfig, *, teacher: TargetMaker | None = None
) -> dict[str, TargetMaker]:
    """Give the makers of all that a run trains, by name.

    Args:
        config: the run.
        teacher: makes soft targets of the scores; None where there is no teacher.
    """
    makers = {
        name: TRAINED[name].targets(options, config)
        for name, options in config.output_options.items()
    }
    if config.loss.terms.get(PHASE):
        makers[PHASE] = PhaseTargets()
    if teacher is not None:
        makers[DISTILLATION] = teacher
    return makers


def loss_terms(config: TrainConfig, labels: tuple[str, ...]) -> dict[str, LossTerm]:
    """Give the terms of a run's loss, by name."""
    terms = {
        name: TRAINED[name].term(options, config, labels)
        for name, options in config.output_options.items()
    }
    if config.loss.terms.get(PHASE):
        terms[PHASE] = MaskedCrossEntropy()
    if config.loss.terms.get(DISTILLATION):
        terms[DISTILLATION] = MaskedCrossEntropy()
    return terms
