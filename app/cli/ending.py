"""A verb that is asked to end, or whose terminal is closed, ends as by Ctrl-C.

What it has begun is put away then: half-written files, servers that it started.
"""

import signal
import sys
from typing import NoReturn

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def end_in_order() -> None:
    """Turn SIGTERM and SIGHUP into an exit; what is ignored (nohup) stays so."""
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _: object) -> NoReturn:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # A second one ends it at once.
    sys.exit(128 + number)
