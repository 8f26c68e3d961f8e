"""Which engine runs a checkpoint on this machine; torch is imported only for it."""

import sys
from importlib.util import find_spec
from pathlib import Path

from model.checkpoint.archive import Checkpoint
from model.engines import openvino_engine
from model.engines.runtime import Runtime
from model.errors import EngineUnavailable

_ENGINES = ("auto", "openvino", "torch-cpu", "torch-cuda")
_PRECISIONS = {
    "openvino": ("float32", "int8"),
    "torch-cpu": ("float32",),
    "torch-cuda": ("float16", "float32"),
}


def choose_runtime(
    checkpoint: Checkpoint,
    *,
    engine: str,
    precision: str,
    threads: int | None,
    gpu_budget_bytes: int | None = None,
) -> Runtime:
    """Open a checkpoint's network (see `model.spotting.predictor.load_predictor`)."""
    _check("engine", engine, _ENGINES)
    if engine == "auto":
        # 8 bits are OpenVINO's: who asks for them has chosen the engine, too.
        engine = "openvino" if precision == "int8" else _best_engine(checkpoint)
    if precision == "auto":
        precision = _PRECISIONS[engine][0]
    _check(f"precision of {engine}", precision, _PRECISIONS[engine])
    return _open_runtime(
        checkpoint, engine, precision, threads=threads, budget_bytes=gpu_budget_bytes
    )


# One of these is there where a GPU's driver is; torch is not imported to find out.
_GPU_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/proc/driver/nvidia"))


def _best_engine(checkpoint: Checkpoint) -> str:
    has_driver = sys.platform == "win32" or any(p.exists() for p in _GPU_DRIVERS)
    if has_driver and find_spec("torch") is not None:
        from model.engines.torch_engine import has_cuda

        if has_cuda():
            return "torch-cuda"
    is_exported = openvino_engine.KIND in checkpoint.manifest.engines
    if not is_exported and find_spec("torch") is not None:
        return "torch-cpu"
    return "openvino"


def _open_runtime(
    checkpoint: Checkpoint,
    engine: str,
    precision: str,
    *,
    threads: int | None,
    budget_bytes: int | None,
) -> Runtime:
    if engine == "openvino":
        return openvino_engine.open_runtime(
            checkpoint,
            precision="int8" if precision == "int8" else "float32",
            threads=threads,
        )
    if find_spec("torch") is None:
        raise EngineUnavailable(
            f"the engine {engine} needs torch (`make serve EXTRAS=gpu`, or the extra "
            "gpu of the package); or use --engine openvino"
        )
    from model.engines import torch_engine

    return torch_engine.open_runtime(
        checkpoint,
        device="cuda" if engine == "torch-cuda" else "cpu",
        precision="float16" if precision == "float16" else "float32",
        threads=threads,
        budget_bytes=budget_bytes,
    )


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EngineUnavailable(
            f"{what} cannot be {value!r}; choose one of {', '.join(known)}"
        )
