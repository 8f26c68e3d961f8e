"""Threads that do something every few seconds, whatever happens to one round."""

import threading
from collections.abc import Callable

import structlog

FAILURES_SHOWN = 3  # rounds in a row; one may fail because the database restarts

log = structlog.get_logger(__name__)


class LoopFailures:
    """Counts the rounds of a loop that failed in a row.

    Args:
        name: of the loop, in words for people.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._error = ""

    def add(self, exc: Exception) -> None:
        """Note a round that failed."""
        self._count += 1
        self._error = f"{type(exc).__name__}: {exc}".splitlines()[0]

    def reset(self) -> None:
        """Note a round that went well."""
        self._count = 0

    @property
    def problem(self) -> str | None:
        """What `/readyz` says once several rounds in a row have failed."""
        if self._count < FAILURES_SHOWN:
            return None
        return f"the {self._name} fails: {self._error}"


def start_loop(
    name: str,
    step: Callable[[], object],
    *,
    every_s: float,
    leaving: threading.Event,
    failures: LoopFailures | None = None,
) -> threading.Thread:
    """Call `step` at once and then every few seconds until `leaving` is set.

    Whatever it raises is logged, and the next round comes all the same: a loop that
    ends by itself would be missed by nobody.

    Args:
        failures: counts the rounds that raise, for those who watch.
    """
    failures = failures or LoopFailures(name)

    def run_rounds() -> None:
        while True:
            try:
                step()
            except Exception as exc:
                log.exception("loop_failed", loop=name)
                failures.add(exc)
            else:
                failures.reset()
            if leaving.wait(every_s):
                return

    thread = threading.Thread(target=run_rounds, name=name, daemon=True)
    thread.start()
    return thread
