"""The torch engines: the CPU one for reference, CUDA in half precision for speed."""

import copy
import logging
from contextlib import suppress
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.engines.batch import chunk_that_fits, fixed_bytes
from model.engines.fixed_chunks import FixedChunks
from model.engines.runtime import WINDOWS_AT_ONCE, Floats, Frames
from model.engines.streaming import StreamingTrunk
from model.engines.torch_threads import torch_threads
from model.errors import EngineError, EngineUnavailable
from model.network.activations import ActivatedHead
from model.network.memory import DEFAULT_BUDGET_BYTES, MemoryEstimate, measure
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec

CPU_CHUNK_LEN = 8
CUDA_CHUNK_LEN = 64
# Of the memory that is free: the convolutions want some to work in.
SHARE_OF_FREE = 0.8

log = logging.getLogger(__name__)

Device = Literal["cpu", "cuda"]
_DTYPES = {"float32": torch.float32, "float16": torch.float16}


class TorchRuntime:
    """A network on torch (see `model.engines.runtime.Runtime`).

    Where a chunk does not fit the GPU's memory, half as many frames are tried, down
    to a single one; what was tried stays smaller for the rest of the run.
    """

    def __init__(
        self,
        spotter: Spotter,
        *,
        device: Device = "cpu",
        precision: Literal["float32", "float16"] = "float32",
        chunk_len: int = CPU_CHUNK_LEN,
        size: tuple[int, int] | None = None,
        threads: int | None = None,
    ) -> None:
        """Bring a network to a device.

        Args:
            spotter: the network.
            device: where it runs.
            precision: of the trunk.
            chunk_len: steps that the trunk takes at once.
            size: width and height of the frames, with which whole chunks run in fixed
                buffers: as a CUDA graph on a GPU. None runs every chunk afresh.
            threads: of the CPU; torch's own choice if None.
        """
        self.name = f"torch-{device}/{precision}"
        self.chunk_len = self._part_len = chunk_len
        self._device, dtype = torch.device(device), _DTYPES[precision]
        trunk = StreamingTrunk(spotter)
        self.delay, self.feature_dim = trunk.delay, trunk.feature_dim
        self.network = self._trunk = trunk.to(device=device)
        # The pixels' mean stays float32; `to` knows channels_last, its types do not.
        net: Any = trunk.net
        net.to(dtype=dtype, memory_format=torch.channels_last)
        # Small, and in float32: half precision would save nothing here.
        self._head = copy.deepcopy(ActivatedHead(spotter)).eval().to(device=device)
        self._state: tuple[Tensor, ...] = ()
        self._size, self._threads = size, threads
        self._fixed: FixedChunks | None = None

    def reset(self) -> None:
        """Forget the video so far."""
        self._state = ()
        if self._fixed is not None:
            self._fixed.reset()

    def trunk(self, frames: Frames, is_video: Floats, is_not_padding: Floats) -> Floats:
        """Take the next chunk of a video."""
        with torch_threads(self._threads):
            return self._run_trunk(frames, is_video, is_not_padding)

    def head(self, features: Floats) -> dict[str, Floats]:
        """Run the head over windows; where they do not fit all at once, in halves."""
        with torch_threads(self._threads):
            return self._run_head(features)

    def _run_trunk(
        self, frames: Frames, is_video: Floats, is_not_padding: Floats
    ) -> Floats:
        if self._size is not None and len(frames) == self.chunk_len:
            try:
                fixed = self._fixed or self._make_fixed(self._size)
                if fixed is not None:
                    return self._run_fixed(fixed, (frames, is_video, is_not_padding))
            except torch.OutOfMemoryError as exc:
                self._leave_fixed(exc)
        inputs = [self._send(array) for array in (frames, is_video, is_not_padding)]
        features: list[Tensor] = []
        done = 0
        while done < len(frames):
            part = [array[done : done + self._part_len] for array in inputs]
            try:
                features.append(self._run(part))
            except torch.OutOfMemoryError as exc:
                self._take_less(exc)
            else:
                done += len(part[0])
        return self._fetch(torch.cat(features))

    def _run_head(self, features: Floats) -> dict[str, Floats]:
        try:
            with torch.inference_mode():
                found = self._head(self._send(features))
                return dict(zip(self._head.names, map(self._fetch, found), strict=True))
        except torch.OutOfMemoryError as exc:
            if len(features) == 1:
                raise EngineError(
                    "a single window does not fit the GPU's memory; use --engine "
                    "openvino"
                ) from exc
        torch.cuda.empty_cache()
        middle = len(features) // 2
        halves = [self._run_head(part) for part in np.split(features, [middle])]
        return {
            name: np.concatenate([half[name] for half in halves]) for name in halves[0]
        }

    def _make_fixed(self, size: tuple[int, int]) -> FixedChunks | None:
        """Make the buffers at the first chunk; None where it cannot be recorded."""
        try:
            self._fixed = FixedChunks(self._trunk, chunk_len=self.chunk_len, size=size)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as exc:
            cause = str(exc).splitlines()[0]
            log.warning("no CUDA graph of this network, it runs without: %s", cause)
            self._size = None
        return self._fixed

    def _run_fixed(
        self, fixed: FixedChunks, chunk: tuple[Frames, Floats, Floats]
    ) -> Floats:
        (features,) = fixed.run([chunk])
        if features is None:
            raise EngineError("the chunk was left out")
        return self._fetch(features)

    def _leave_fixed(self, exc: Exception) -> None:
        """Go on in smaller parts from the state of before the chunk."""
        if self._fixed is not None:
            self._state = self._fixed.state()
        self._fixed = self._size = None
        self._take_less(exc)

    def _run(self, part: list[Tensor]) -> Tensor:
        with torch.inference_mode():
            results: tuple[Tensor, ...] = self._trunk(*part, *self._state)
        self._state = results[1:]
        return results[0]

    def _take_less(self, exc: Exception) -> None:
        if self._part_len == 1:
            raise EngineError(
                "a single frame does not fit the GPU's memory; use --engine openvino"
            ) from exc
        self._part_len //= 2
        torch.cuda.empty_cache()

    def _send(self, array: Any) -> Tensor:
        return torch.from_numpy(array).to(self._device)

    def _fetch(self, tensor: Tensor) -> Floats:
        result: Floats = tensor.float().cpu().numpy()
        return result


def has_cuda() -> bool:
    """Say whether torch finds a GPU that it can use."""
    with suppress(RuntimeError):
        return torch.cuda.is_available()
    return False


def open_runtime(
    checkpoint: Checkpoint,
    *,
    device: Device,
    precision: Literal["float32", "float16"],
    threads: int | None = None,
    budget_bytes: int | None = None,
) -> TorchRuntime:
    """Build the network of a checkpoint on a device.

    Args:
        checkpoint: the network's.
        device: where it runs.
        precision: that it computes in.
        threads: on the CPU; torch's own choice if None.
        budget_bytes: of the GPU's memory, for weights, state and activations; that
            of a card of 8 GB if None.

    Raises:
        EngineError: not even a single step stays under the budget.
        EngineUnavailable: there is no GPU for `cuda`.
        BadCheckpoint: the weights do not fit the network.
    """
    if device == "cuda" and not has_cuda():
        raise EngineUnavailable(
            "torch finds no CUDA device on this machine; use --engine openvino"
        )
    spotter, chunk_len = load_spotter(checkpoint), CPU_CHUNK_LEN
    spec = checkpoint.manifest.frame_spec
    if device == "cuda":
        free_bytes, _ = torch.cuda.mem_get_info()
        chunk_len = cuda_chunk_len(
            spotter,
            spec,
            precision=precision,
            budget_bytes=min(
                budget_bytes or DEFAULT_BUDGET_BYTES, int(free_bytes * SHARE_OF_FREE)
            ),
        )
    return TorchRuntime(
        spotter,
        device=device,
        precision=precision,
        chunk_len=chunk_len,
        size=(spec.out_width, spec.out_height) if device == "cuda" else None,
        threads=threads if device == "cpu" else None,
    )


def cuda_chunk_len(
    spotter: Spotter,
    frame_spec: FrameSpec,
    *,
    precision: Literal["float32", "float16"],
    budget_bytes: int,
) -> int:
    """Choose how many steps a GPU takes at once, known before anything is run.

    Raises:
        EngineError: not even a single step stays under the budget.
    """
    trunk = StreamingTrunk(spotter)
    trunk.net.to(dtype=_DTYPES[precision])
    left = budget_bytes - estimate_head(spotter).total_bytes
    left -= fixed_bytes(trunk, frame_spec)
    return chunk_that_fits(
        trunk, frame_spec, budget_bytes=left, max_steps=CUDA_CHUNK_LEN
    )


def estimate_head(spotter: Spotter) -> MemoryEstimate:
    """Estimate what the head takes, in float32, over as many windows as it is given."""
    windows = (WINDOWS_AT_ONCE, spotter.config.clip_len, spotter.feature_dim)
    return measure(ActivatedHead(spotter), torch.empty(windows, device="meta"))
