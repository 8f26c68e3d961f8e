"""A ring of images in memory that two processes share.

It lies in a file without a name: when both processes have gone, however they went,
the system takes it back.
"""

import mmap

import numpy as np
from numpy.typing import NDArray

from model.video.frame_spec import FrameSpec


class Ring:
    """Slots of one image each, all of one spec's size, over a shared descriptor."""

    def __init__(self, descriptor: int, spec: FrameSpec, *, slots: int) -> None:
        """Map a descriptor that `create_memory` made, here or in the parent."""
        self.slots = slots
        self._memory = mmap.mmap(descriptor, slots * spec.step_bytes)
        self._images: NDArray[np.uint8] | None = np.frombuffer(
            self._memory, np.uint8
        ).reshape(slots, spec.out_height, spec.out_width, 3)

    def slot(self, number: int) -> NDArray[np.uint8]:
        """Return the image (H, W, 3) in slot `number` modulo the slots, to write to."""
        image: NDArray[np.uint8] = self._open_images()[number % self.slots]
        return image

    def read(self, number: int) -> NDArray[np.uint8]:
        """Return a copy of the image (H, W, 3) in slot `number` modulo the slots."""
        return np.array(self.slot(number))

    def close(self) -> None:
        """Unmap; may be called twice."""
        self._images = None
        self._memory.close()

    def _open_images(self) -> NDArray[np.uint8]:
        if self._images is None:
            raise ValueError("the ring is closed")
        return self._images
