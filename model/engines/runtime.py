"""What an engine must be able to do; everything above it is the same for all.

A `Runtime` takes whole videos in chunks and windows, a `StreamRuntime` a causal network
step by step.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Whole windows that the head is given together; a GPU's memory is planned for them.
WINDOWS_AT_ONCE = 8


class Runtime(Protocol):
    """A network on an engine: the trunk as a stream, and the head.

    Attributes:
        name: engine and precision, `openvino/float32` for one.
        chunk_len: T, steps that the trunk takes at once.
        delay: steps between a frame and its feature.
        feature_dim: D.
    """

    name: str
    chunk_len: int
    delay: int
    feature_dim: int

    def reset(self) -> None:
        """Forget the video so far."""
        ...

    def trunk(self, frames: Frames, is_video: Floats, is_not_padding: Floats) -> Floats:
        """Take the next chunk of a video.

        Args:
            frames: (T, H, W, 3) RGB.
            is_video: (T,), 1 for a frame of the video, 0 for any other.
            is_not_padding: (T,), 0 for a frame that is zero after normalisation.

        Returns:
            Features (T, D) of the steps `delay` before these.
        """
        ...

    def head(self, features: Floats) -> dict[str, Floats]:
        """Run the head over windows: features (N, L, D) -> each output, activated.

        Shapes: (N, L, columns) by the output's name, as the checkpoint's config
        declares them; "scores" (N, L, K) in [0, 1] is always there.
        """
        ...


class StreamRuntime(Protocol):
    """A causal network on an engine, trunk and head as one stream with one state.

    Attributes:
        name: engine and precision, `openvino/float32` for one.
        delay: steps between a frame and its outputs: the network's look-ahead.
    """

    name: str
    delay: int

    def reset(self) -> None:
        """Forget the stream so far."""
        ...

    def step(self, frame: Frames, *, is_video: bool = True) -> dict[str, Floats]:
        """Take the next frame (H, W, 3) RGB.

        Args:
            frame: of the size that the checkpoint's frame spec names.
            is_video: False for a frame after the end, which brings out what is left.

        Returns:
            Each output (columns,), activated, of the step `delay` before this one;
            what comes before the first step's means nothing.
        """
        ...
