"""How many threads torch computes with, for one network and no longer."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch use so many threads of the processor in this block.

    The number is the whole process's: what else runs on torch keeps its own.

    Args:
        count: of threads; None leaves it.
    """
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
