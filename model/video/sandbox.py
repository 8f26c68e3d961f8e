"""What a decoding process may use, and that it never outlives its parent."""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
from collections.abc import Callable

POLL_S = 0.5
"""How often the child looks whether its parent still lives."""

_PR_SET_PDEATHSIG = 1


def limit_self(*, memory_bytes: int, cpu_s: int) -> None:
    """Bound this process's memory, CPU time, open files and what it may write.

    A bound that the system does not know (address space on macOS) is left out.
    """
    bounds = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_FSIZE: 1 << 20,  # Room for its own last words on stderr.
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        wanted = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (wanted, wanted))


def die_with_thread(parent: int) -> None:
    """Have Linux kill this process when the thread that started it ends.

    Only for a child of the main thread. Elsewhere `watch_parent` does it alone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def watch_parent(
    descriptor: int,
    *,
    parent: int,
    receive: Callable[[bytes], None],
    tick: Callable[[], None],
) -> None:
    """Read what the parent sends until it is gone, then end this process at once.

    It is gone when its end of the pipe is closed, or when this process has another
    parent (another process may hold a copy of the pipe).

    Args:
        descriptor: the pipe from the parent.
        parent: the parent's process id.
        receive: is given the bytes that came.
        tick: called after each read or pause of at most `POLL_S`.
    """
    while os.getppid() == parent:
        if select.select([descriptor], [], [], POLL_S)[0]:
            data = os.read(descriptor, 4096)
            if not data:
                break
            receive(data)
        tick()
    os._exit(0)
