"""How many steps a streaming trunk may take at once on a GPU of a given size."""

import copy

import torch
from torch import nn

from model.network.memory import DEFAULT_BUDGET_BYTES, Need, measure, pick_batch
from model.video.frame_spec import FrameSpec


def chunk_that_fits(
    trunk: nn.Module,
    frame_spec: FrameSpec,
    *,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
    most: int,
) -> int:
    """Choose a chunk whose weights, state and activations stay under a budget.

    Args:
        trunk: a `StreamingTrunk` in the precision it will run in.
        frame_spec: size of the frames.
        budget_bytes: for all of it together.
        most: the longest chunk worth having.

    Raises:
        EngineError: not even a single step fits.
    """
    sketch = copy.deepcopy(trunk).to("meta")

    def need_of(steps: int) -> Need:
        return need_of_chunk(sketch, frame_spec, steps=steps)

    return pick_batch(need_of, budget_bytes=budget_bytes, most=most)


def need_of_chunk(trunk: nn.Module, frame_spec: FrameSpec, *, steps: int) -> Need:
    """Say what a chunk in the middle of a video takes, the carried state included."""
    size = (steps, frame_spec.out_height, frame_spec.out_width, 3)
    with torch.device("meta"):
        marks = torch.empty(steps)
        inputs = (torch.empty(size, dtype=torch.uint8), marks, marks)
    sketch = copy.deepcopy(trunk).to("meta")
    with torch.inference_mode():
        _, *state = sketch(*inputs)
    return measure(sketch, *inputs, *state)
