"""The CPU engine: a checkpoint's exported form on OpenVINO, without torch."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import openvino as ov

from model.checkpoint.archive import ENGINES, Checkpoint
from model.engines.openvino_core import openvino_core
from model.engines.registry import Engine, register_engine
from model.engines.runtime import Floats, Frames
from model.errors import EngineError, EngineUnavailable
from model.network.outputs import SCORES

KIND = "openvino"


class OpenVinoRuntime:
    """A network on OpenVINO (see `model.engines.runtime.Runtime`)."""

    def __init__(
        self,
        trunk: ov.Model,
        head: ov.Model,
        *,
        delay: int,
        name: str = "openvino/float32",
        threads: int | None = None,
    ) -> None:
        """Compile both models for this machine's CPU.

        Raises:
            EngineUnavailable: OpenVINO finds no CPU it can use, or rejects a model.
        """
        self.name, self.delay = name, delay
        self.head_model = head
        self.chunk_len = int(trunk.input(0).shape[0])
        self.feature_dim = int(trunk.output(0).shape[1])
        self._trunk = _compile(trunk, threads).create_infer_request()
        # Forms of earlier releases have one result, whatever it is called.
        names = [port.any_name for port in head.outputs]
        self.output_names = names if len(names) > 1 else [SCORES]
        self._head = _compile(head, threads).create_infer_request()

    def reset(self) -> None:
        """Forget the video so far."""
        self._trunk.reset_state()

    def trunk(self, frames: Frames, is_video: Floats, is_not_padding: Floats) -> Floats:
        """Take the next chunk of a video."""
        return _infer(self._trunk, frames, is_video, is_not_padding)[0]

    def head(self, features: Floats) -> dict[str, Floats]:
        """Run the head over windows."""
        found = _infer(self._head, features)
        return dict(zip(self.output_names, found, strict=True))


class OpenVinoStream:
    """A causal network on OpenVINO (see `model.engines.runtime.StreamRuntime`)."""

    def __init__(
        self, model: ov.Model, *, delay: int, threads: int | None = None
    ) -> None:
        """Compile the model for this machine's CPU; errors as of `OpenVinoRuntime`."""
        self.name, self.delay = f"{KIND}/float32", delay
        names = [port.any_name for port in model.outputs]
        self.output_names = names
        self._request = _compile(model, threads).create_infer_request()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._request.reset_state()

    def step(self, frame: Frames, *, is_video: bool = True) -> dict[str, Floats]:
        """Take the next frame."""
        mark = np.full(1, is_video, dtype=np.float32)
        found = _infer(self._request, frame[None], mark, mark)
        rows = [values[0] for values in found]
        return dict(zip(self.output_names, rows, strict=True))


def open_runtime(
    checkpoint: Checkpoint,
    *,
    precision: Literal["float32", "int8"] = "float32",
    threads: int | None = None,
) -> OpenVinoRuntime:
    """Load what `touchline export` put into a checkpoint.

    Raises:
        EngineUnavailable: the checkpoint was not exported, not in this precision, or
            as a stream alone.
        BadCheckpoint: one of the engine's files is damaged.
    """
    facts, form = _form_of(checkpoint, precision)
    if "trunk" not in form:
        raise EngineUnavailable(
            f"{checkpoint.manifest.name} has no {KIND} form for windows: its network "
            "is causal and runs as a stream; use --engine torch-cpu, or --windows auto"
        )
    return OpenVinoRuntime(
        _read(checkpoint, form["trunk"]),
        _read(checkpoint, form["head"]),
        delay=int(facts["delay"]),
        name=f"{KIND}/{precision}",
        threads=threads,
    )


def open_stream(
    checkpoint: Checkpoint,
    *,
    precision: str = "float32",
    threads: int | None = None,
) -> OpenVinoStream:
    """Load the streaming form that `touchline export` put into a causal checkpoint.

    Raises:
        EngineUnavailable: the checkpoint was not exported so.
        BadCheckpoint: one of the engine's files is damaged.
    """
    facts, form = _form_of(checkpoint, precision)
    if "stream" not in form:
        raise EngineUnavailable(
            f"{checkpoint.manifest.name} has no {KIND} form that runs as a stream; "
            f"make it with `touchline export {checkpoint.path}`"
        )
    model = _read(checkpoint, form["stream"])
    return OpenVinoStream(model, delay=int(facts["delay"]), threads=threads)


def _form_of(
    checkpoint: Checkpoint, precision: str
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Give what is known of the exported forms, and the files of one of them."""
    facts: Mapping[str, Any] = checkpoint.manifest.engines.get(KIND, {})
    forms: Mapping[str, Any] = facts.get("precisions", {})
    if precision not in forms:
        raise EngineUnavailable(
            f"{checkpoint.manifest.name} has no {KIND} form in {precision}; make it "
            f"with `touchline export {checkpoint.path}`"
            + (f", or take one of {', '.join(forms)}" if forms else "")
        )
    return facts, forms[precision]


def _has_form(checkpoint: Checkpoint, part: str) -> bool:
    facts: Mapping[str, Any] = checkpoint.manifest.engines.get(KIND, {})
    forms: Mapping[str, Any] = facts.get("precisions", {})
    return any(part in form for form in forms.values())


def _read(checkpoint: Checkpoint, name: str) -> ov.Model:
    xml = checkpoint.read_member(f"{ENGINES}{KIND}/{name}.xml")
    weights = checkpoint.read_member(f"{ENGINES}{KIND}/{name}.bin")
    try:
        return openvino_core().read_model(model=xml, weights=weights)
    except RuntimeError as exc:
        raise EngineUnavailable(
            f"{checkpoint.manifest.name}: OpenVINO {ov.__version__} cannot read "
            f"{name}.xml; export the checkpoint again"
        ) from exc


def _compile(model: ov.Model, threads: int | None) -> ov.CompiledModel:
    config: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        # bfloat16, where a CPU has it, would change the scores by a tenth.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    if threads is not None:
        config["INFERENCE_NUM_THREADS"] = threads
    try:
        return openvino_core().compile_model(model, "CPU", config)
    except RuntimeError as exc:
        raise EngineUnavailable(f"OpenVINO cannot run this network: {exc}") from exc


def _infer(request: ov.InferRequest, *inputs: npt.NDArray[Any]) -> list[Floats]:
    """Run a model; inputs go by their position, for names have changed over time."""
    try:
        results = request.infer(
            {i: np.ascontiguousarray(value) for i, value in enumerate(inputs)},
            share_inputs=True,
        )
    except RuntimeError as exc:
        raise EngineError(f"OpenVINO failed: {exc}") from exc
    return [np.array(result, dtype=np.float32) for result in results.to_tuple()]


def _open(
    checkpoint: Checkpoint,
    *,
    precision: str,
    threads: int | None,
    budget_bytes: int | None,  # noqa: ARG001 # of a GPU
) -> OpenVinoRuntime:
    return open_runtime(
        checkpoint,
        precision="int8" if precision == "int8" else "float32",
        threads=threads,
    )


register_engine(
    Engine(
        name=KIND,
        precisions=("float32", "int8"),
        preference=20,
        is_available=lambda: True,  # It comes with every install.
        can_run=partial(_has_form, part="trunk"),
        open=_open,
        open_stream=open_stream,
        can_stream=partial(_has_form, part="stream"),
    )
)
