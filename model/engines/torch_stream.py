"""A causal network step by step on torch, on the CPU: the reference of every stream."""

import numpy as np
import torch
from torch import Tensor

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.engines.runtime import Floats, Frames
from model.engines.streaming_network import StreamingNetwork
from model.engines.torch_threads import torch_threads
from model.network.spotter import Spotter


class TorchStream:
    """A causal network on torch (see `model.engines.runtime.StreamRuntime`)."""

    def __init__(self, spotter: Spotter, *, threads: int | None = None) -> None:
        """Take a network.

        Args:
            spotter: the network.
            threads: of the CPU; torch's own choice if None.

        Raises:
            UnsupportedCheckpoint: it is not causal.
        """
        self.name = "torch-cpu/float32"
        self._network = StreamingNetwork(spotter)
        self.delay = self._network.delay
        self._state: tuple[Tensor, ...] = ()
        self._threads = threads

    def reset(self) -> None:
        """Forget the stream so far."""
        self._state = ()

    def step(self, frame: Frames, *, is_video: bool = True) -> dict[str, Floats]:
        """Take the next frame."""
        mark = torch.ones(1) if is_video else torch.zeros(1)
        frames = torch.from_numpy(np.ascontiguousarray(frame))[None]
        with torch.inference_mode(), torch_threads(self._threads):
            found = self._network(frames, mark, mark, *self._state)
        names = self._network.names
        self._state = found[len(names) :]
        rows = [tensor[0].numpy() for tensor in found[: len(names)]]
        return dict(zip(names, rows, strict=True))


def open_stream(checkpoint: Checkpoint, *, threads: int | None = None) -> TorchStream:
    """Build the network of a checkpoint.

    Raises:
        BadCheckpoint: the weights do not fit the network.
        UnsupportedCheckpoint: it is not causal.
    """
    return TorchStream(load_spotter(checkpoint), threads=threads)
