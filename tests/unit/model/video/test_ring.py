"""The memory that the decoding process shares with its parent."""

import os
import sys

import pytest

from model.video.shared_memory import create_memory


@pytest.mark.skipif(sys.platform != "linux", reason="no sealed memory here")
def test_a_child_cannot_cut_off_the_memory_that_its_parent_reads() -> None:
    descriptor = create_memory(1 << 20)
    try:
        for size in (0, 2 << 20):
            with pytest.raises(PermissionError):
                os.truncate(descriptor, size)
    finally:
        os.close(descriptor)
