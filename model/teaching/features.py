"""What the frozen trunk says of every step, cached on disk in half precision.

Once as it is, for all pieces; and some times of augmented pictures, for the training
segments. Rows are appended to plain files; a file that was cut off is gone on with.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.data.frame_store import StoredMatch
from model.errors import TrainingFailed
from model.network.spotter import Spotter
from model.teaching.segments import Segment
from model.training.augment import augment_clip
from model.training.augment_options import AugmentOptions
from model.training.validation import CHUNK_STEPS, stream_trunk
from model.video.frame_spec import FrameSpec

OnSteps = Callable[[int], None]
Halves = NDArray[np.float16]

# As far as rooms, cameras and light differ; mirror images are another matter.
STRONG = AugmentOptions(
    shift_px=12,
    zoom=(0.87, 1.2),
    aspect=(0.92, 1.09),
    camera=0.3,
    pan_px=10,
    shake_px=0.6,
    jitter=0.5,
    brightness=0.3,
    contrast=0.3,
    saturation=0.4,
    hue=0.08,
    noise=3.0,
    blur=0.05,
    motion_blur=0.1,
)


def cache_plain(
    network: Spotter,
    piece: StoredMatch,
    spec: FrameSpec,
    path: Path,
    *,
    on_steps: OnSteps,
) -> None:
    """Cache the features of a piece as serving sees it; done, it does nothing.

    Args:
        network: in eval mode.
        piece: its frames.
        spec: what the network sees.
        path: of the file.
        on_steps: called with the number of steps after each chunk; may raise.
    """
    done = whole_rows(path, network.feature_dim)
    done -= done % CHUNK_STEPS if done < len(piece) else 0
    _truncate(path, done * network.feature_dim)
    if done >= len(piece):
        return
    on_steps(done)
    for rows in stream_trunk(network, piece, spec, first=done):
        _append(path, rows, piece.name)
        on_steps(len(rows))


def cache_copy(
    network: Spotter,
    piece: StoredMatch,
    segment: Segment,
    spec: FrameSpec,
    path: Path,
    *,
    seed: tuple[int, int],
    is_mirrored: bool,
) -> None:
    """Append the features of one augmented segment.

    Args:
        network: in eval mode.
        piece: that the segment is of.
        segment: which steps.
        spec: what the network sees.
        path: of the copy's file.
        seed: decides the augmentation.
        is_mirrored: whether left and right are swapped.
    """
    device = next(network.parameters()).device
    raw = torch.from_numpy(np.array(piece.frames[segment.first : segment.until]))
    shown = augment_clip(raw.to(device), spec, STRONG, seed=seed).frames
    shown = shown.flip(-1) if is_mirrored else shown
    with torch.inference_mode():
        rows = network.trunk(network.normalise(shown.unsqueeze(0)))[0]
    _append(path, rows, f"{piece.name} from step {segment.first}")


def whole_rows(path: Path, dim: int) -> int:
    """Count the rows of a file."""
    return path.stat().st_size // (2 * dim) if path.is_file() else 0


def segments_done(path: Path, segments: Sequence[Segment], dim: int) -> int:
    """Count the segments that a copy's file has whole, and cut off what is torn."""
    held, done, rows = whole_rows(path, dim), 0, 0
    for segment in segments:
        if rows + segment.until - segment.first > held:
            break
        rows += segment.until - segment.first
        done += 1
    _truncate(path, rows * dim)
    return done


def open_rows(path: Path, dim: int) -> Halves:
    """Map the rows (n, D) of a file."""
    found: Any = np.memmap(path, np.float16, mode="r").reshape(-1, dim)
    return found  # type: ignore[no-any-return] # a mapped array is one


def copies_that_fit(
    segments: Sequence[Segment], dim: int, *, plain_steps: int, limit_bytes: int
) -> int:
    """Say how many copies the cache has room for."""
    size = sum(each.until - each.first for each in segments) * dim * 2
    return max(0, (limit_bytes - plain_steps * dim * 2) // max(1, size))


def _append(path: Path, rows: torch.Tensor, name: str) -> None:
    halves = rows.cpu().numpy().astype(np.float16)
    if not np.isfinite(halves).all():
        raise TrainingFailed(
            f"The trunk's features of {name} are NaN or infinite: the base is damaged "
            "or does not suit these pictures; start from another one."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(halves.tobytes())


def _truncate(path: Path, values: int) -> None:
    if path.is_file():
        with path.open("rb+") as file:
            file.truncate(2 * values)
