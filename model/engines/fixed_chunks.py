"""A streaming trunk over chunks of one length, in buffers that never move.

On a GPU the whole step is recorded once as a CUDA graph and played back for each chunk,
and frames come by way of pinned memory. Elsewhere the same code runs step by step.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from model.engines.runtime import Floats, Frames
from model.engines.streaming import StreamingTrunk

Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes what is to be run again and again, gives what runs it; may run it before."""

WARM_UP = 3


class FixedChunks:
    """A trunk for one video, or for several side by side, each with its own state.

    Attributes:
        chunk_len: T.
        lanes: L, videos side by side.
    """

    def __init__(
        self,
        trunk: StreamingTrunk,
        *,
        chunk_len: int,
        size: tuple[int, int],
        lanes: int = 1,
        capture: Capture | None = None,
    ) -> None:
        """Make the buffers, and record the step.

        Args:
            trunk: on its device, in its precision.
            chunk_len: T.
            size: width and height of the frames.
            lanes: videos side by side.
            capture: records the step; by the device if None.

        Raises:
            torch.OutOfMemoryError: it does not fit the GPU.
        """
        device = trunk.get_buffer("mean").device
        if lanes > 1:
            _pool_by_mean(trunk)
        self.chunk_len, self.lanes, self._trunk = chunk_len, lanes, trunk
        width, height = size
        shape = (lanes, chunk_len)
        make: Any = torch.zeros
        is_cuda = device.type == "cuda"
        # Of the host, pinned so that the copy does not wait for the processor.
        self._sent = [
            make((*shape, height, width, 3), dtype=torch.uint8, pin_memory=is_cuda),
            make(shape, pin_memory=is_cuda),
            make(shape, pin_memory=is_cuda),
            make((lanes,), dtype=torch.bool, pin_memory=is_cuda),
        ]
        self._inputs = [torch.zeros_like(each, device=device) for each in self._sent]
        with torch.no_grad():
            features, *state = self._call(())
            self._features = torch.zeros_like(features)
            self._state = [torch.zeros_like(each) for each in state]
            del features, state
            self._replay = (capture or _capture_on(device))(self._step)
            self.reset()

    def reset(self, lane: int | None = None) -> None:
        """Forget the video of a lane, or of all."""
        with torch.no_grad():
            for each in self._state:
                (each if lane is None else each[lane]).zero_()

    def state(self) -> tuple[Tensor, ...]:
        """Give the only lane's state, to go on with elsewhere."""
        return tuple(each[0].clone() for each in self._state)

    def run(
        self, chunks: Sequence[tuple[Frames, Floats, Floats] | None]
    ) -> list[Tensor | None]:
        """Take the next chunk of each lane that has one; the others stay as they are.

        Args:
            chunks: for each lane frames (T, H, W, 3), is_video (T,) and is_not_padding
                (T,), as `Runtime.trunk` takes them, or None.

        Returns:
            For each of them features (T, D) on the device, valid until the next call.
        """
        for lane, chunk in enumerate(chunks):
            self._sent[3][lane] = chunk is not None
            if chunk is not None:
                for target, array in zip(self._sent, chunk, strict=False):
                    target[lane].copy_(torch.from_numpy(array))
        with torch.no_grad():
            for target, sent in zip(self._inputs, self._sent, strict=True):
                target.copy_(sent, non_blocking=True)
            self._replay()
        found = enumerate(chunks)
        return [None if c is None else self._features[lane] for lane, c in found]

    def _step(self) -> None:
        features, *state = self._call(self._state)
        self._features.copy_(features)
        has_chunk = self._inputs[3]
        for old, new in zip(self._state, state, strict=True):
            kept = has_chunk.view(-1, *[1] * (old.dim() - 1))
            old.copy_(torch.where(kept, new, old))

    def _call(self, state: Sequence[Tensor]) -> tuple[Tensor, ...]:
        frames, is_video, is_not_padding, _ = self._inputs
        inputs = (frames, is_video, is_not_padding, *state)
        if self.lanes == 1:
            alone: tuple[Tensor, ...] = self._trunk(*(each[0] for each in inputs))
            return tuple(each[None] for each in alone)
        # One convolution over the frames of all lanes; what goes from step to step
        # stays within a lane.
        found: tuple[Tensor, ...] = torch.vmap(self._trunk)(*inputs)
        return found


class _Mean(nn.Module):
    """The mean over a picture, which `torch.vmap` can batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((-2, -1), keepdim=True)


def _pool_by_mean(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.AdaptiveAvgPool2d) and child.output_size in (
                1,
                (1, 1),
            ):
                setattr(module, name, _Mean())


def _capture_on(device: torch.device) -> Capture:
    return capture_graph if device.type == "cuda" else lambda step: step


def capture_graph(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step as a CUDA graph, after it has run often enough to settle."""
    make: Any = torch.cuda.Stream
    stream = make()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.empty_cache()  # The graph has memory of its own.
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
