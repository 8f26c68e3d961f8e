"""The finished checkpoint's forms for the CPU: OpenVINO's, in 8 bits if that holds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from model.checkpoint.archive import Checkpoint
from model.data.frame_store import StoredMatch
from model.engines.runtime import Frames
from model.errors import EngineUnavailable
from model.evaluation.metrics import average_precision, labels_of
from model.evaluation.timed import TimedMatch, spotted
from model.export.int8 import attach_int8
from model.export.openvino import attach_engines
from model.spotting.predictor import Predictor
from model.video.decode import Step
from model.video.frame_spec import FrameSpec

CHECK_STEPS = 40
RANGE_STEPS = 600
TOLERANCE_S = 0.5


def add_openvino(path: Path, piece: StoredMatch, spec: FrameSpec) -> Checkpoint:
    """Put OpenVINO's form into a checkpoint, checked on a piece's frames.

    Raises:
        EngineError: an output differs from torch's by more than is allowed.
    """
    frames = list(islice(images_of(piece, spec), CHECK_STEPS))
    return attach_engines(path, frames=frames)


def add_int8(
    path: Path,
    pieces: Sequence[StoredMatch],
    holdout: Sequence[StoredMatch],
    spec: FrameSpec,
    *,
    look: Callable[[], None] = lambda: None,
) -> str:
    """Add the 8-bit form if it does as well on the hold-out; say how that went.

    Args:
        path: of the checkpoint, which has OpenVINO's form.
        pieces: of training, to take ranges from.
        holdout: to measure on.
        spec: what the network sees.
        look: called between frames; may raise to pause.
    """

    def measure(predictor: Predictor) -> float:
        return _mean_ap(predictor, holdout, spec, look)

    videos = [
        _looking(islice(images_of(piece, spec), RANGE_STEPS), look) for piece in pieces
    ]
    try:
        outcome = attach_int8(path, videos, measure=measure)
    except EngineUnavailable as exc:
        return f"no 8-bit form: {exc}"
    figures = f"mean AP {outcome.float32:.3f}, in 8 bits {outcome.int8:.3f}"
    if outcome.is_kept:
        return f"8-bit form kept: {figures}"
    return f"no 8-bit form, which loses too much: {figures}"


def images_of(match: StoredMatch, spec: FrameSpec) -> Iterator[Frames]:
    """Give stored frames as the network sees them: (h, w, 3), cropped."""
    left, top, width, height = spec.crop or (0, 0, spec.width, spec.height)
    for image in match.frames:
        yield np.ascontiguousarray(image[top : top + height, left : left + width])


def _looking(images: Iterable[Frames], look: Callable[[], None]) -> Iterator[Frames]:
    for image in images:
        look()
        yield image


def _mean_ap(
    predictor: Predictor,
    holdout: Sequence[StoredMatch],
    spec: FrameSpec,
    look: Callable[[], None],
) -> float:
    timed = []
    for match in holdout:
        facts = zip(match.frame, match.pts, match.time_s, strict=True)
        steps = (
            Step(int(frame), int(pts), float(time_s), image)
            for (frame, pts, time_s), image in zip(
                facts, _looking(images_of(match, spec), look), strict=True
            )
        )
        timeline = predictor.predict(steps)
        labels = match.labels
        timed.append(TimedMatch(match.name, timeline, labels.events, labels.reviewed))
    found = spotted(timed, predictor.manifest.spotting)
    values = [
        average_precision(found, label, tolerance_s=TOLERANCE_S)
        for label in labels_of(found)
        if label in predictor.manifest.labels
    ]
    return sum(values) / max(1, len(values))
