"""Memory that a process shares with those it starts."""

import fcntl
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


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


@contextmanager
def shared_bytes(data: bytes | None) -> Iterator[list[int]]:
    """Give the descriptor of memory with these bytes, for processes that are started.

    It is closed at the end of the block; theirs stay. Without bytes there is none.
    """
    if not data:
        yield []
        return
    descriptor = create_memory(len(data))
    try:
        with mmap.mmap(descriptor, len(data)) as memory:
            memory[:] = data
        yield [descriptor]
    finally:
        os.close(descriptor)


def read_shared(descriptor: int) -> bytes:
    """Give the bytes of `shared_bytes`, in a process that inherited the descriptor."""
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as memory:
        return memory[:]
