"""How many steps a streaming trunk may take at once on a GPU of a given size."""

import copy

import torch
from torch import nn

from model.network.memory import (
    DEFAULT_BUDGET_BYTES,
    MemoryEstimate,
    measure,
    pick_batch,
)
from model.video.frame_spec import FrameSpec


def chunk_that_fits(
    trunk: nn.Module,
    frame_spec: FrameSpec,
    *,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
    max_steps: int,
) -> int:
    """Choose a chunk whose weights, state and activations stay under a budget.

    Args:
        trunk: a `StreamingTrunk` in the precision it will run in.
        frame_spec: size of the frames.
        budget_bytes: for all of it together.
        max_steps: the longest chunk worth having.

    Raises:
        EngineError: not even a single step fits.
    """
    meta_copy = copy.deepcopy(trunk).to("meta")

    def estimate(steps: int) -> MemoryEstimate:
        return estimate_chunk(meta_copy, frame_spec, steps=steps)

    return pick_batch(estimate, budget_bytes=budget_bytes, max_batch=max_steps)


def fixed_bytes(trunk: nn.Module, frame_spec: FrameSpec) -> int:
    """Count what `model.engines.fixed_chunks` keeps of a video besides a chunk's own.

    That is the state once more; a chunk's frames and features are in the estimate.
    """
    size = (1, frame_spec.out_height, frame_spec.out_width, 3)
    with torch.device("meta"):
        marks = torch.empty(1)
        frames = torch.empty(size, dtype=torch.uint8)
    meta_copy = copy.deepcopy(trunk).to("meta")
    with torch.inference_mode():
        _, *state = meta_copy(frames, marks, marks)
    return sum(each.nbytes for each in state)


def estimate_chunk(
    trunk: nn.Module, frame_spec: FrameSpec, *, steps: int
) -> MemoryEstimate:
    """Estimate what a chunk amid a video takes, the carried state included."""
    size = (steps, frame_spec.out_height, frame_spec.out_width, 3)
    with torch.device("meta"):
        marks = torch.empty(steps)
        inputs = (torch.empty(size, dtype=torch.uint8), marks, marks)
    meta_copy = copy.deepcopy(trunk).to("meta")
    with torch.inference_mode():
        _, *state = meta_copy(*inputs)
    return measure(meta_copy, *inputs, *state)
