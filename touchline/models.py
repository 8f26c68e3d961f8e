"""The checkpoints there are, and a loaded one that spots videos."""

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_checkpoint, list_checkpoints
from touchline.progress import progress_line
from touchline.results import Result, check_min_score

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from model.spotting.predictor import EngineName, Predictor
    from model.video.decode import Step

Device = Literal["auto", "cpu", "cuda"]

_EXTRA_OF = {"av": "worker", "openvino": "worker", "torch": "gpu", "timm": "gpu"}


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint, loaded on a device; made by `load`.

    One video after the other: threads must not share it.
    """

    predictor: "Predictor"

    @property
    def name(self) -> str:
        """Name the checkpoint."""
        return self.predictor.manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Name the types of events that it spots."""
        return self.predictor.manifest.labels

    def spot(
        self,
        video: "str | Path | Iterable[tuple[float, ArrayLike]]",
        min_score: float | None = None,
        progress: bool = True,
    ) -> Result:
        """Find the events of a video, in constant memory whatever its length.

        Args:
            video: a file; or frames with their times, earliest first: pairs of
                seconds and an (H, W, 3) uint8 RGB array of any size.
            min_score: lowest score of an event, 0 to 1, in place of the checkpoint's
                own thresholds; `result.at` changes it later without another run.
            progress: show how far it is, in a terminal or a notebook.

        Raises:
            ValueError: `min_score` is out of range, or the frames cannot be used.
            VideoError, DecoderError, EngineError: see `model.errors`.
        """
        check_min_score(min_score)
        with _named_extra():
            if isinstance(video, str | Path):
                return self._spot_file(Path(video), min_score, progress)
            return self._spot_frames(video, min_score, progress)

    def _spot_file(self, path: Path, min_score: float | None, progress: bool) -> Result:
        from model.spotting.spot_file import spot_file
        from model.video.file_names import shown_name

        with progress_line(path.name, is_shown=progress) as on_progress:
            found = spot_file(path, predictor=self.predictor, on_progress=on_progress)
        result = Result.of(
            self.predictor.manifest,
            found.timeline,
            shown_name(path),
            found.facts.fps or None,
        )
        for warning in found.warnings.values():
            warnings.warn(warning, stacklevel=3)
        return result.at(min_score)

    def _spot_frames(
        self,
        frames: "Iterable[tuple[float, ArrayLike]]",
        min_score: float | None,
        progress: bool,
    ) -> Result:
        from model.spotting.spot_file import Progress
        from model.video.frames import steps_of_frames

        manifest = self.predictor.manifest
        with progress_line("frames", is_shown=progress) as on_progress:

            def reported() -> "Iterator[Step]":
                for step in steps_of_frames(frames, manifest.frame_spec):
                    on_progress(Progress("spot", 0.0, step.time_s, step.frame))
                    yield step

            timeline = self.predictor.predict(reported())
        return Result.of(manifest, timeline, "frames", None).at(min_score)

    def __repr__(self) -> str:
        labels = ", ".join(self.labels)
        return f"Model({self.name!r}: {labels}; {self.predictor.engine})"


def load(name: str | Path | None = None, device: Device = "auto") -> Model:
    """Load a checkpoint.

    Args:
        name: of an installed checkpoint (see `available_models`), or the path of a
            `.touchline` file; the default one if left out.
        device: `cpu`, `cuda`, or `auto`: an NVIDIA card if it can be used.

    Raises:
        BadCheckpoint: there is none of that name, or the file is damaged.
        EngineUnavailable: the device cannot be used here; the message says why.
        ModuleNotFoundError: a package is missing; the message says how to get it.
    """
    if device not in get_args(Device):
        known = ", ".join(get_args(Device))
        raise ValueError(f"device cannot be {device!r}; choose one of {known}")
    path = find_checkpoint(name, user_dir=_user_dir(), chosen=_chosen())
    with _named_extra():
        from model.spotting.predictor import load_predictor

        return Model(load_predictor(path, engine=_engine_for(device, path)))


def available_models() -> list[str]:
    """Name the checkpoints that `load` takes: those that came along and your own.

    Your own are those of `touchline models list`: in `TOUCHLINE_DATA_DIR`, else in
    `data` of the working directory.
    """
    entries = list_checkpoints(_user_dir(), chosen=_chosen())
    return [entry.name for entry in entries if entry.manifest is not None]


def _engine_for(device: Device, path: Path) -> "EngineName":
    if device == "cuda":
        return "torch-cuda"
    if device == "auto":
        return "auto"
    is_exported = "openvino" in Checkpoint.open(path).manifest.engines
    has_openvino = is_exported and find_spec("openvino") is not None
    return "torch-cpu" if not has_openvino and find_spec("torch") else "openvino"


def _user_dir() -> Path:
    return Path(os.environ.get("TOUCHLINE_DATA_DIR") or "data") / "models"


def _chosen() -> str | None:
    return os.environ.get("TOUCHLINE_MODEL") or None


@contextmanager
def _named_extra() -> Iterator[Any]:
    """Name the extra that brings a package which not every install has."""
    try:
        yield
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package not in _EXTRA_OF:
            raise
        message = f"{package} is not installed: pip install 'touchline[{{}}]'"
        raise ModuleNotFoundError(
            message.format(_EXTRA_OF[package]), name=exc.name
        ) from exc
