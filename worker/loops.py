"""Threads that do something every few seconds, whatever happens to one round."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


def start_loop(
    name: str, step: Callable[[], object], *, every_s: float, leaving: threading.Event
) -> threading.Thread:
    """Call `step` at once and then every few seconds until `leaving` is set.

    Whatever it raises is logged, and the next round comes all the same: a loop that
    ends by itself would be missed by nobody.
    """

    def go_on() -> None:
        while True:
            try:
                step()
            except Exception:
                log.exception("loop_failed", loop=name)
            if leaving.wait(every_s):
                return

    thread = threading.Thread(target=go_on, name=name, daemon=True)
    thread.start()
    return thread
