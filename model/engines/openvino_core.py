"""The one OpenVINO core of a process, kept until the process ends."""

import os
from functools import cache

import openvino as ov


def openvino_core() -> ov.Core:
    """Give the core that reads and compiles models in this process.

    The CPU's plugin of each core puts a stack for signal handlers under the thread that
    first compiles with it, and takes it away with the core. Of two cores the second
    then leaves the freed stack of the first, on which the next signal, a Ctrl-C or a
    request to end, dies of SIGSEGV (`SigAltStackSetup` in OpenVINO's `plugin.cpp`).
    """
    return _core_of(os.getpid())


@cache
def _core_of(_pid: int) -> ov.Core:
    # A forked child has none of the threads of its parent's core.
    return ov.Core()
