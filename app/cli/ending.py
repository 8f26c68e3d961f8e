"""A verb that is asked to end, or whose terminal is closed, ends as by Ctrl-C.

What it has begun is put away first: half-written files, servers that it started.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class _Ended(SystemExit):
    """A signal asks the verb to end; `code` is its number."""


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception in the block, then end by the signal.

    What is ignored (nohup) stays so.
    """
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _raise)
    try:
        yield
    except _Ended as ended:
        with suppress(OSError, ValueError):  # The terminal is gone.
            sys.stdout.flush()
        signal.signal(int(str(ended.code)), signal.SIG_DFL)
        os.kill(os.getpid(), int(str(ended.code)))


def _raise(number: int, _: object) -> NoReturn:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # A second one ends it at once.
    raise _Ended(number)
