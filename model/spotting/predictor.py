"""What runs a network over a video, whatever the engine, and how to get one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from model.checkpoint.archive import Checkpoint
from model.checkpoint.manifest import Manifest
from model.engines.choose import can_stream, choose_runtime, choose_stream
from model.engines.runtime import Runtime
from model.errors import EngineUnavailable
from model.spotting.inference import Mode, image_scorer
from model.spotting.session import Session
from model.spotting.streamed import StreamPredictor
from model.spotting.timeline import Timeline
from model.spotting.windows import Windows
from model.video.decode import Step

EngineName = Literal[
    "auto",
    "openvino",
    "torch-cpu",
    "torch-cuda",
    "onnxruntime",
    "onnxruntime-cuda",
    "tensorrt",
]
Precision = Literal["auto", "float32", "float16", "int8"]
Windowing = Literal["auto", "one-pass", "reference"]


class Predictor(Protocol):
    """A loaded checkpoint on an engine: frames in, spots and a timeline out.

    Not safe to share between threads while a session is open; one video after the
    other on one predictor is what it is for.
    """

    @property
    def manifest(self) -> Manifest:
        """Return the checkpoint's manifest."""
        ...

    @property
    def engine(self) -> str:
        """Name the engine and its precision, `openvino/float32` for one."""
        ...

    def open_session(
        self,
        *,
        min_score: float | None = None,
        has_timeline: bool = True,
        on_wait: Callable[[], None] | None = None,
    ) -> Session:
        """Begin a video.

        Args:
            min_score: takes the place of the checkpoint's thresholds.
            has_timeline: keep the curves of all steps, some bytes each; without them
                memory is constant however long the video is.
            on_wait: called a few times a second between pieces of work, for those
                who watch or want to stop the run by raising.
        """
        ...

    def predict(self, steps: Iterable[Step]) -> Timeline:
        """Run the network over a whole video.

        Args:
            steps: the frames in time order; each image may be reused once the next
                step is asked for.

        Returns:
            One row of scores per step. No step gives an empty timeline.

        Raises:
            EngineError: the runtime failed, or gave scores that are NaN or infinite.
        """
        ...


@dataclass(frozen=True, slots=True)
class EnginePredictor:
    """A checkpoint on an engine (see `Predictor`).

    Attributes:
        manifest: of the checkpoint.
        runtime: the network on its engine.
        mode: `one-pass` or `reference`.
    """

    manifest: Manifest
    runtime: Runtime
    mode: Mode = "one-pass"

    @property
    def engine(self) -> str:
        """Name the engine and its precision."""
        return self.runtime.name

    @property
    def windows(self) -> Windows:
        """Say where the windows lie."""
        clip_len = self.manifest.config.clip_len
        return Windows.with_share(clip_len, self.manifest.spotting.overlap)

    def open_session(
        self,
        *,
        min_score: float | None = None,
        has_timeline: bool = True,
        on_wait: Callable[[], None] | None = None,
    ) -> Session:
        """Begin a video (see `Predictor.open_session`)."""
        scorer = image_scorer(self.mode, self.runtime, self.windows, on_wait=on_wait)
        return Session(
            self.manifest, scorer, min_score=min_score, has_timeline=has_timeline
        )

    def predict(self, steps: Iterable[Step]) -> Timeline:
        """Run the network over a whole video (see `Predictor.predict`)."""
        session = self.open_session()
        session.push(steps)
        session.close()
        return session.timeline


def load_predictor(
    checkpoint_path: Path,
    *,
    engine: EngineName = "auto",
    precision: Precision = "auto",
    windows: Windowing = "auto",
    threads: int | None = None,
    gpu_budget_bytes: int | None = None,
) -> Predictor:
    """Load a checkpoint on the best engine of this machine.

    Args:
        checkpoint_path: a `.touchline` file.
        engine: `auto` takes torch on CUDA where a GPU and torch exist, else OpenVINO.
        precision: `auto` takes float16 on CUDA and float32 on the CPU; `int8` needs
            a checkpoint that was exported with it.
        windows: `one-pass` runs the trunk once over every frame, `reference` runs
            the network clip by clip with overlap; `auto` is `one-pass`, and for a
            causal network one stream without windows, on the CPU.
        threads: how many CPU threads the engine may use; all cores by default.
        gpu_budget_bytes: of a card's memory, for weights, state and activations; the
            batch is chosen by it. 6 GiB by default, so that a card of 8 GB will do.

    Raises:
        BadCheckpoint: the file is damaged.
        EngineUnavailable: the engine's library, device or exported form is missing.
    """
    if windows not in get_args(Windowing):
        known = ", ".join(get_args(Windowing))
        raise EngineUnavailable(f"windows cannot be {windows!r}; choose one of {known}")
    checkpoint = Checkpoint.open(checkpoint_path)
    is_wanted = (windows, precision) in (("auto", "auto"), ("auto", "float32"))
    if is_wanted and engine != "torch-cuda" and can_stream(checkpoint):
        stream = choose_stream(
            checkpoint, engine=engine, precision=precision, threads=threads
        )
        return StreamPredictor(checkpoint.manifest, stream)
    runtime = choose_runtime(
        checkpoint,
        engine=engine,
        precision=precision,
        threads=threads,
        gpu_budget_bytes=gpu_budget_bytes,
    )
    mode: Mode = "reference" if windows == "reference" else "one-pass"
    return EnginePredictor(checkpoint.manifest, runtime, mode)
