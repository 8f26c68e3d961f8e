"""The numbers of the recipe, as they were chosen (see docs/teaching.md)."""

from dataclasses import dataclass

VALIDATIONS = 4  # of a tuning, whatever its length


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is taught.

    Attributes:
        copies: augmented passes over the training stretches at most, besides the plain
            one.
        copies_share: of the time that is left, what the augmented passes may take.
        cache_bytes: what the features of all passes may take on disk.
        batch: clips a step on cached features.
        head_lr: highest rate of the head.
        head_steps: optimiser steps of the head at most.
        head_fewest: steps at least, however little material there is.
        head_epochs: how often the head sees the material, within these two.
        head_validations: of a head on its way.
        validate_steps: between two validations of the head at most.
        patience: validations without a gain after which the head is done.
        tune_lr: highest rate of the last stages of the trunk.
        whole_lr: highest rate where the whole network is taught from the start.
        tune_batch: clips a step on frames.
        tune_steps: optimiser steps on frames at most.
        tune_share: of the trunk's parameter tensors, the last ones, which are tuned.
        reserve_share: of all time, what is kept for thresholds and engines.
        save_s: between two saved states, in seconds.
        has_int8: try the 8-bit form.
        few_events: with fewer on the hold-out a type keeps its thresholds.
    """

    copies: int = 5
    copies_share: float = 0.3
    cache_bytes: int = 4 * 2**30
    batch: int = 12
    head_lr: float = 1e-3
    head_steps: int = 900
    head_fewest: int = 150
    head_epochs: float = 40.0
    head_validations: int = 12
    validate_steps: int = 50
    patience: int = 4
    tune_lr: float = 2e-4
    whole_lr: float = 1e-3
    tune_batch: int = 4
    tune_steps: int = 1500
    tune_share: float = 0.5
    reserve_share: float = 0.15
    save_s: float = 20.0
    has_int8: bool = True
    few_events: int = 10
