"""Which engine runs a checkpoint on this machine."""

from collections.abc import Iterable

from model.checkpoint.archive import Checkpoint

# Imported to register themselves: the list of Touchline's engines.
from model.engines import (
    onnx_engine,  # noqa: F401  # register
    openvino_engine,
    torch_engines,  # noqa: F401  # register
)
from model.engines.registry import ENGINES, Engine, by_preference
from model.engines.runtime import Runtime, StreamRuntime
from model.errors import EngineUnavailable


def choose_runtime(
    checkpoint: Checkpoint,
    *,
    engine: str,
    precision: str,
    threads: int | None,
    gpu_budget_bytes: int | None = None,
) -> Runtime:
    """Open a checkpoint's network (see `model.spotting.predictor.load_predictor`)."""
    _check("engine", engine, ["auto", *sorted(ENGINES)])
    chosen = (
        _best_engine(checkpoint, precision) if engine == "auto" else ENGINES[engine]
    )
    if precision == "auto":
        precision = chosen.precisions[0]
    _check(f"precision of {chosen.name}", precision, chosen.precisions)
    return chosen.open(
        checkpoint, precision=precision, threads=threads, budget_bytes=gpu_budget_bytes
    )


def can_stream(checkpoint: Checkpoint) -> bool:
    """Say whether a network is causal, and not exported by an earlier release.

    That put it into windows, and it is run so.
    """
    if checkpoint.manifest.config.look_ahead is None:
        return False
    openvino = ENGINES[openvino_engine.KIND]
    return openvino.can_stream(checkpoint) or not openvino.can_run(checkpoint)


def choose_stream(
    checkpoint: Checkpoint, *, engine: str, precision: str, threads: int | None
) -> StreamRuntime:
    """Open a causal network, to be run step by step.

    Args:
        checkpoint: of a network whose config has a look-ahead.
        engine: `auto` takes the best of this machine's CPU: a GPU is no quicker at one
            step at a time.
        precision: of the engine; `auto` is float32 on the CPU.
        threads: how many CPU threads the engine may use; its own choice if None.

    Raises:
        EngineUnavailable: no such engine, or what it needs is missing.
        BadCheckpoint: the file is damaged.
    """
    known = [one for one in by_preference() if one.open_stream is not None]
    _check("engine of a stream", engine, ["auto", *(one.name for one in known)])
    if engine == "auto":
        here = [one for one in known if one.is_available()]
        able = [one for one in here if one.can_stream(checkpoint)]
        chosen = (able or here or known)[0]
    else:
        chosen = ENGINES[engine]
    if precision == "auto":
        precision = chosen.precisions[0]
    _check(f"precision of {chosen.name}", precision, chosen.precisions)
    if chosen.open_stream is None:
        raise EngineUnavailable(f"{chosen.name} cannot run a stream")
    return chosen.open_stream(checkpoint, precision=precision, threads=threads)


def _best_engine(checkpoint: Checkpoint, precision: str) -> Engine:
    """Choose by preference among what is here and can do it.

    Where nothing is, the engine that is nearest says best what is missing.
    """
    known = [
        engine
        for engine in by_preference()
        if precision == "auto" or precision in engine.precisions
    ]
    if not known:
        _check("precision", precision, ["auto", *_all_precisions()])
    here = [engine for engine in known if engine.is_available()]
    able = [engine for engine in here if engine.can_run(checkpoint)]
    return (able or here or known)[0]


def _all_precisions() -> list[str]:
    found = [name for engine in by_preference() for name in engine.precisions]
    return list(dict.fromkeys(found))


def _check(what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise EngineUnavailable(
            f"{what} cannot be {value!r}; choose one of {', '.join(known)}"
        )
