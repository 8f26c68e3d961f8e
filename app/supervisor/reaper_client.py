"""The reaper as `touchline serve` holds it: started again if it dies.

What it does is told in `app.supervisor.reaper`.
"""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from app.core.errors import StartFailed
from app.core.process_identity import ProcessIdentity
from app.supervisor.backoff import Backoff
from app.supervisor.exit_reason import describe_exit
from app.supervisor.processes import LineReporter

LONGEST_PAUSE_S = 30.0
END_S = 20.0  # more than it takes itself to end what it still watches


class Reaper:
    """Tells the reaper which process groups to end should this process die.

    Raises:
        StartFailed: it does not start.
    """

    def __init__(self, lock_path: Path, *, report_line: LineReporter) -> None:
        self._lock_path, self._report_line = lock_path, report_line
        self._orders: dict[int, str] = {}
        self._backoff = Backoff(LONGEST_PAUSE_S)
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0
        try:
            process = self._start()
        except OSError as exc:
            raise StartFailed(f"cannot start the reaper: {exc}") from exc
        # Nothing starts before it watches.
        if process.stdout is None or not process.stdout.readline():
            raise StartFailed("the reaper does not start: see the lines above")

    @property
    def identity(self) -> ProcessIdentity | None:
        """The reaper's process; None while there is none."""
        return None if self._process is None else ProcessIdentity.of(self._process.pid)

    def watch(self, group: int, number: int, turn: int) -> None:
        """End a process group with a signal, in its turn, should this process die."""
        self._orders[group] = f"add {group} {int(number)} {turn}\n"
        self._tell(self._orders[group])

    def forget(self, group: int) -> None:
        """The group is gone; its number may soon be somebody else's."""
        if self._orders.pop(group, None) is not None:
            self._tell(f"drop {group}\n")

    def check(self) -> None:
        """Start another reaper if it died; that one is told all groups."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._report_line(
                f"the reaper ended ({describe_exit(code)}); restarting it"
            )
            _close_pipes(self._process)
            self._process = None
            # The first time at once: until then nobody watches.
            self._backoff.note_death(lived_s=time.monotonic() - self._started)
            if self._backoff.deaths == 1:
                self._backoff.next_start = 0.0
        if self._backoff.is_due:
            try:
                self._start()
            except OSError as exc:
                self._backoff.note_death(lived_s=0.0)
                self._report_line(f"cannot start the reaper: {exc}")

    def close(self) -> None:
        """Let it go; what it still watches it ends first."""
        process, self._process = self._process, None
        if process is None:
            return
        _close_pipes(process)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(  # noqa: S603  # our own words
            [sys.executable, "-P", "-m", "app.supervisor.reaper", str(self._lock_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._process, self._started = process, time.monotonic()
        for order in self._orders.values():
            self._tell(order)
        return process

    def _tell(self, order: str) -> None:
        """Send an order; a reaper that has died is told all again by `check`."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(order)


def _close_pipes(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # What was not sent to a dead one is lost.
                pipe.close()
