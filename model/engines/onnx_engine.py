"""ONNX Runtime: on the CPU, on CUDA, or by way of TensorRT. Without torch.

A checkpoint's form for it is made by `touchline export --format onnxruntime`. The
trunk's state stays on the device from chunk to chunk.
"""

from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from model.checkpoint.archive import ENGINES, Checkpoint
from model.engines.registry import Engine, register_engine
from model.engines.runtime import Floats, Frames, Runtime
from model.engines.torch_engines import has_gpu_driver
from model.errors import EngineError, EngineUnavailable

KIND = "onnxruntime"

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"

_ELEMENTS = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


class OnnxRuntime:
    """A network on ONNX Runtime (see `model.engines.runtime.Runtime`)."""

    def __init__(
        self,
        trunk: bytes,
        head: bytes,
        facts: Mapping[str, Any],
        *,
        name: str = f"{KIND}/float32",
        providers: tuple[tuple[str, Mapping[str, Any]], ...] = ((CPU, {}),),
        threads: int | None = None,
    ) -> None:
        """Open both graphs.

        Raises:
            EngineUnavailable: ONNX Runtime is missing, lacks the first provider, or
                rejects a graph.
        """
        self.name = name
        self.chunk_len, self.delay = int(facts["chunk_len"]), int(facts["delay"])
        self.feature_dim = int(facts["feature_dim"])
        self._names = [str(each) for each in facts["outputs"]]
        self._trunk = _session(trunk, providers, threads)
        self._head = _session(head, providers, threads)
        self._device = "cpu" if providers[0][0] == CPU else "cuda"
        self._states = [i.name for i in self._trunk.get_inputs()[3:]]
        self._state: list[Any] = []
        self.reset()

    def reset(self) -> None:
        """Forget the video so far."""
        self._state = [
            self._send(np.zeros(i.shape, _ELEMENTS[i.type]))
            for i in self._trunk.get_inputs()[3:]
        ]

    def trunk(self, frames: Frames, is_video: Floats, is_not_padding: Floats) -> Floats:
        """Take the next chunk of a video."""
        binding = self._trunk.io_binding()
        names = ("frames", "is_video", "is_not_padding")
        for name, array in zip(names, (frames, is_video, is_not_padding), strict=True):
            binding.bind_ortvalue_input(name, self._send(np.ascontiguousarray(array)))
        for name, value in zip(self._states, self._state, strict=True):
            binding.bind_ortvalue_input(name, value)
        binding.bind_output("features", "cpu")
        for name in self._states:
            binding.bind_output(name.replace("old_", "new_"), self._device)
        _run(lambda: self._trunk.run_with_iobinding(binding))
        features, *self._state = binding.get_outputs()
        return np.array(features.numpy(), dtype=np.float32)

    def head(self, features: Floats) -> dict[str, Floats]:
        """Run the head over windows."""
        inputs = {"features": np.ascontiguousarray(features)}
        found = _run(lambda: self._head.run(self._names, inputs))
        return dict(zip(self._names, found, strict=True))

    def _send(self, array: Any) -> Any:
        import onnxruntime

        return onnxruntime.OrtValue.ortvalue_from_numpy(array, self._device, 0)


def open_runtime(
    checkpoint: Checkpoint,
    *,
    provider: str = CPU,
    precision: str = "float32",
    threads: int | None = None,
    budget_bytes: int | None = None,
) -> OnnxRuntime:
    """Load what `touchline export --format onnxruntime` put into a checkpoint.

    Args:
        checkpoint: the network's.
        provider: ONNX Runtime's name of it.
        precision: float16 is TensorRT's alone: the graphs are float32.
        threads: of the CPU; the library's own choice if None.
        budget_bytes: of a GPU's memory, which the provider keeps to.

    Raises:
        EngineUnavailable: it was not exported so, or the provider is not installed.
        BadCheckpoint: one of the files is damaged.
    """
    facts: Mapping[str, Any] = checkpoint.manifest.engines.get(KIND, {})
    if "chunk_len" not in facts:
        raise EngineUnavailable(
            f"{checkpoint.manifest.name} has no {KIND} form; make it with "
            f"`touchline export {checkpoint.path} --format {KIND}`"
        )
    return OnnxRuntime(
        checkpoint.read_member(f"{ENGINES}{KIND}/trunk.onnx"),
        checkpoint.read_member(f"{ENGINES}{KIND}/head.onnx"),
        facts,
        name=f"{_NAMES[provider]}/{precision}",
        providers=_providers(provider, precision, budget_bytes),
        threads=threads,
    )


def _providers(
    provider: str, precision: str, budget_bytes: int | None
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """List the provider and what takes over where it cannot run a part."""
    # float32 is float32: TensorFloat-32 would change the scores by a thousandth.
    cuda: dict[str, Any] = {"use_tf32": 0}
    if budget_bytes is not None:
        cuda["gpu_mem_limit"] = budget_bytes
    tensorrt: dict[str, Any] = {"trt_fp16_enable": precision == "float16"}
    if budget_bytes is not None:
        tensorrt["trt_max_workspace_size"] = budget_bytes
    known: dict[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
        CPU: ((CPU, {}),),
        CUDA: ((CUDA, cuda), (CPU, {})),
        TENSORRT: ((TENSORRT, tensorrt), (CUDA, cuda), (CPU, {})),
    }
    return known[provider]


def _session(
    content: bytes,
    providers: tuple[tuple[str, Mapping[str, Any]], ...],
    threads: int | None,
) -> Any:
    if find_spec("onnxruntime") is None:
        raise EngineUnavailable(
            "ONNX Runtime is not installed: pip install onnxruntime, or "
            "onnxruntime-gpu for a card; or use --engine openvino"
        )
    import onnxruntime

    wanted = providers[0][0]
    if wanted not in onnxruntime.get_available_providers():
        raise EngineUnavailable(
            f"this ONNX Runtime has no {wanted}: pip install onnxruntime-gpu (and "
            "tensorrt, for TensorRT); or use --engine openvino"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # Errors: what it warns of is its own choice.
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(
            content, options, providers=[(name, dict(of)) for name, of in providers]
        )
    except Exception as exc:
        raise EngineUnavailable(f"ONNX Runtime cannot run this network: {exc}") from exc
    if session.get_providers()[0] != wanted:
        # It goes on without a provider whose libraries it cannot load.
        raise EngineUnavailable(
            f"ONNX Runtime could not start {wanted}: are CUDA, cuDNN (and TensorRT) of "
            "the versions that it was built for installed?"
        )
    return session


def _run(call: Any) -> Any:
    try:
        return call()
    except Exception as exc:
        raise EngineError(f"ONNX Runtime failed: {exc}") from exc


def _is_available(provider: str) -> bool:
    if find_spec("onnxruntime") is None:
        return False
    if provider == CPU:
        return True
    if not has_gpu_driver():
        return False
    import onnxruntime

    return provider in onnxruntime.get_available_providers()


def _has_form(checkpoint: Checkpoint) -> bool:
    return "chunk_len" in checkpoint.manifest.engines.get(KIND, {})


def _open(
    provider: str,
    checkpoint: Checkpoint,
    *,
    precision: str,
    threads: int | None,
    budget_bytes: int | None,
) -> Runtime:
    return open_runtime(
        checkpoint,
        provider=provider,
        precision=precision,
        threads=threads,
        budget_bytes=budget_bytes,
    )


_NAMES = {CPU: KIND, CUDA: f"{KIND}-cuda", TENSORRT: "tensorrt"}

# Below torch and OpenVINO: they are chosen by name.
for _provider, _precisions in (
    (CPU, ("float32",)),
    (CUDA, ("float32",)),
    (TENSORRT, ("float16", "float32")),
):
    register_engine(
        Engine(
            name=_NAMES[_provider],
            precisions=_precisions,
            preference=0,
            is_available=partial(_is_available, _provider),
            can_run=_has_form,
            open=partial(_open, _provider),
        )
    )
