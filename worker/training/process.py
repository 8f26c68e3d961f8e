"""The worker's side of a training's process: start it, hear it, end it."""

import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Self, cast

import structlog

from worker.training.messages import ENDS, PAUSE, Message, from_line, to_line

COMMAND = (sys.executable, "-P", "-m", "worker.training.child")
LEAVE_S = 4.0  # a process that is to end may save its state so long

log = structlog.get_logger(__name__)


class ProcessEnded(Exception):
    """The process ended without a word; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class TrainingProcess:
    """A running `worker.training.child`; leaving the block ends it.

    Whoever leaves early lets it save its state for a few seconds, then kills it: what
    it saved last is good, whenever that happens.
    """

    def __init__(
        self, request: Mapping[str, Any], *, command: Sequence[str] = COMMAND
    ) -> None:
        self._has_ended = self._was_asked = False
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        # What it and its libraries print goes where the worker's own words go.
        self._process = subprocess.Popen(  # noqa: S603  # our own words
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._stdin = cast("IO[bytes]", self._process.stdin)
        stdout = cast("IO[bytes]", self._process.stdout)
        self._reader = threading.Thread(
            target=self._read, args=(stdout,), name="training", daemon=True
        )
        self._reader.start()
        self._say(to_line(request))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._has_ended:
            self.ask_to_pause()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(LEAVE_S)
        self.kill()
        with suppress(OSError):
            self._stdin.close()

    def receive(self, *, within_s: float) -> Message | None:
        """Give the next message; None: there was none in time.

        Raises:
            ProcessEnded: there will be none, and the last one was no end.
        """
        try:
            message = self._messages.get(timeout=within_s)
        except queue.Empty:
            return None
        if message is None:
            self._has_ended = True
            raise ProcessEnded(self._process.wait())
        self._has_ended = message["kind"] in ENDS
        return message

    def ask_to_pause(self) -> None:
        """Ask it to save its state and to end; it does so between two steps."""
        if not self._was_asked:
            self._was_asked = True
            self._say(PAUSE.encode() + b"\n")

    def kill(self) -> None:
        """End it now, wherever it is."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _say(self, data: bytes) -> None:
        with suppress(OSError):  # It has died, which whoever hears it learns.
            self._stdin.write(data)
            self._stdin.flush()

    def _read(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                try:
                    self._messages.put(from_line(line))
                except ValueError as exc:  # Torn by its death.
                    log.warning("training_said_nonsense", error=str(exc))
        self._messages.put(None)
