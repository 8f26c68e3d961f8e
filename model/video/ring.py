"""A ring of images in memory that two processes share.

It lies in a file without a name: when both processes have gone, however they went,
the system takes it back.
"""

import fcntl
import mmap
import os
import sys
import tempfile

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


def create_memory(size_bytes: int) -> int:
    """Return the descriptor of new shared memory that has no name to leak.

    On Linux its size is sealed: whoever reads it past a new end would be killed.
    """
    if sys.platform == "linux":
        flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        descriptor = os.memfd_create("touchline-ring", flags)
        os.truncate(descriptor, size_bytes)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    else:
        descriptor, name = tempfile.mkstemp(prefix="touchline-ring-")
        os.unlink(name)  # noqa: PTH108 - a name from mkstemp, gone at once.
        os.truncate(descriptor, size_bytes)
    return descriptor
