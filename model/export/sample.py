"""Real frames to compare an export's scores on where the user names no video."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from model.engines.runtime import Frames
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec

# Four seconds of a rendered five-a-side match (Google Research Football engine,
# Apache-2.0), 448x252 at 30 frames a second.
SAMPLE = Path(__file__).with_name("sample.mp4")

STEPS = 40


def sample_frames(
    spec: FrameSpec, *, video: Path = SAMPLE, steps: int = STEPS
) -> Iterator[Frames]:
    """Give a video's first frames as the network sees them: (H, W, 3) RGB, uint8.

    Raises:
        DecoderStalled, DecoderCrashed, VideoError: see `decode_in_child`.
    """
    with decode_in_child(video, spec) as decoded:
        for step in islice(decoded, steps):
            yield step.image
