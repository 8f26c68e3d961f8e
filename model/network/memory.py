"""How much memory a pass of a network takes, known before it is run.

The pass is made on the meta device, where tensors have sizes but no contents, and
every storage is counted from its first use until it is freed.
"""

import copy
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from model.errors import EngineError

# Of a GPU of 8 GB: the rest is for CUDA itself, the convolutions' workspace and
# what the allocator cannot use.
DEFAULT_BUDGET_BYTES = 6 * 2**30


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What a pass takes, by its sizes alone.

    Attributes:
        weights_bytes: of parameters and buffers.
        activations_bytes: of everything else alive at the worst moment, what goes
            in and comes out included.
    """

    weights_bytes: int
    activations_bytes: int

    @property
    def total_bytes(self) -> int:
        """Weights and activations together."""
        return self.weights_bytes + self.activations_bytes


def measure(module: nn.Module, *inputs: Tensor) -> MemoryEstimate:
    """Estimate what one pass of a module over some inputs takes, without running it.

    Args:
        module: in the precision it will run in; where it lies does not matter.
        inputs: of the right shapes and types; their contents do not matter.
    """
    meta_copy = copy.deepcopy(module).to("meta")
    sizes = [torch.empty_like(tensor, device="meta") for tensor in inputs]
    with torch.inference_mode():
        activations = peak_bytes(lambda: meta_copy(*sizes))
    return MemoryEstimate(weights_bytes(module), activations + _bytes_of(sizes))


def weights_bytes(module: nn.Module) -> int:
    """Count the bytes of parameters and buffers, shared ones once."""
    return _bytes_of([*module.parameters(), *module.buffers()])


def peak_bytes(run: Callable[[], object]) -> int:
    """Say how many bytes of new storage are alive at the worst moment of a run.

    What exists before the run is not counted, even if the run lets it go.
    """
    live = _LiveBytes()
    with live:
        run()
    return live.peak


def pick_batch(
    estimate: Callable[[int], MemoryEstimate],
    *,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
    max_batch: int = 256,
) -> int:
    """Choose a batch as large as a budget allows.

    Memory grows by the same amount with every item, or nearly so; the choice is
    measured before it is returned.

    Args:
        estimate: what a batch of so many takes.
        budget_bytes: for weights and activations together.
        max_batch: the largest batch worth having.

    Raises:
        EngineError: not even a batch of one fits.
    """
    one = estimate(1).total_bytes
    if one > budget_bytes:
        raise EngineError(
            f"one step takes {one / 2**20:.0f} MiB, more than the budget of "
            f"{budget_bytes / 2**20:.0f} MiB: raise the budget, or use a smaller "
            "network or the CPU"
        )
    batch, needed = max_batch, estimate(max_batch).total_bytes
    while needed > budget_bytes:
        # Where a straight line from one step to here meets the budget.
        straight = 1 + (budget_bytes - one) * (batch - 1) // (needed - one)
        batch = min(batch - 1, straight)
        needed = estimate(batch).total_bytes
    return batch


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Counts storages from the operation that makes them until their last user."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.peak: int = 0
        self._now: int = 0
        self._known: dict[int, weakref.finalize[..., Any]] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        before = {_key(leaf) for leaf in tree_leaves((args, kwargs)) if _is_real(leaf)}
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if _is_real(leaf) and _key(leaf) not in before:
                self._count(leaf)
        return out

    def _count(self, tensor: Tensor) -> None:
        key, storage = _key(tensor), tensor.untyped_storage()
        if key in self._known:
            return
        size = storage.nbytes()
        self._known[key] = weakref.finalize(storage, self._forget, key, size)
        self._now += size
        self.peak = max(self.peak, self._now)

    def _forget(self, key: int, size: int) -> None:
        self._now -= size
        del self._known[key]


def _is_real(leaf: object) -> bool:
    return isinstance(leaf, Tensor)


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _bytes_of(tensors: Sequence[Tensor]) -> int:
    storages = {_key(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())
