"""The one OpenVINO core of a process, kept until the process ends."""

import os

import openvino as ov

# By process: a forked child has none of the threads of its parent's core.
_cores: dict[int, ov.Core] = {}


def openvino_core() -> ov.Core:
    """Give the core that reads and compiles models in this process.

    The CPU's plugin of each core puts a stack for signal handlers under the thread that
    first compiles with it, and takes it away with the core. Of two cores the second
    then leaves the freed stack of the first, on which the next signal, a Ctrl-C or a
    request to end, dies of SIGSEGV (`SigAltStackSetup` in OpenVINO's `plugin.cpp`).
    """
    core = _cores.get(os.getpid())
    # Of two threads the first one counts; an unused core has no plugin yet.
    return core if core is not None else _cores.setdefault(os.getpid(), ov.Core())
