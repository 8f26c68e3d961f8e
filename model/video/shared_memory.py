"""Memory that a process shares with those it starts."""

import fcntl
import os
import sys
import tempfile


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
