"""Registers the engines of torch; torch itself is loaded when one is opened."""

import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from model.checkpoint.archive import Checkpoint
from model.engines.registry import Engine, register_engine
from model.engines.runtime import Runtime, StreamRuntime
from model.errors import EngineUnavailable

# One of these is there where a GPU's driver is; torch is not imported to find out.
_GPU_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/proc/driver/nvidia"))


def has_torch() -> bool:
    """Say whether torch is installed."""
    return find_spec("torch") is not None


def has_gpu_driver() -> bool:
    """Say whether there is a sign of NVIDIA's driver."""
    return sys.platform == "win32" or any(p.exists() for p in _GPU_DRIVERS)


def has_cuda() -> bool:
    """Say whether there is a GPU that torch can use."""
    if not has_gpu_driver() or not has_torch():
        return False
    from model.engines import torch_engine

    return torch_engine.has_cuda()


def _open(
    device: Literal["cpu", "cuda"],
    checkpoint: Checkpoint,
    *,
    precision: str,
    threads: int | None,
    budget_bytes: int | None,
) -> Runtime:
    if not has_torch():
        raise EngineUnavailable(
            f"the engine torch-{device} needs torch (`make serve EXTRAS=gpu`, or the "
            "extra gpu of the package); or use --engine openvino"
        )
    from model.engines import torch_engine

    return torch_engine.open_runtime(
        checkpoint,
        device=device,
        precision="float16" if precision == "float16" else "float32",
        threads=threads,
        budget_bytes=budget_bytes,
    )


def _open_stream(
    checkpoint: Checkpoint,
    *,
    precision: str,  # noqa: ARG001 # float32 is all there is
    threads: int | None,
) -> StreamRuntime:
    if not has_torch():
        raise EngineUnavailable(
            "the engine torch-cpu needs torch (`make serve EXTRAS=gpu`, or the extra "
            "gpu of the package); or use --engine openvino"
        )
    from model.engines import torch_stream

    return torch_stream.open_stream(checkpoint, threads=threads)


register_engine(
    Engine(
        name="torch-cpu",
        precisions=("float32",),
        preference=10,
        is_available=has_torch,
        can_run=lambda _: True,
        open=partial(_open, "cpu"),
        open_stream=_open_stream,
    )
)
register_engine(
    Engine(
        name="torch-cuda",
        precisions=("float16", "float32"),
        preference=30,
        is_available=has_cuda,
        can_run=lambda _: True,
        open=partial(_open, "cuda"),
    )
)
