"""A part of the running service: a child process in a group of its own, and its log.

What it says goes to a file; warnings are shown on the terminal, too, with its name.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_LOG_BYTES = 20 * 2**20  # then the log is kept as NAME.log.1 and begun anew
WARNING = re.compile(r"\[(warning|error|critical) *\]|\"level\": ?\"(warning|error)")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a part is started.

    Attributes:
        name: for the log file and the terminal.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path


class Part:
    """A started part. The group lives as long as anything in it."""

    def __init__(self, plan: Plan, *, say: Say) -> None:
        self.plan = plan
        self.started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603  # our own words
            plan.command,
            env=dict(plan.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        stream = self._process.stdout
        if stream is None:
            raise ValueError("a part is started with a pipe")
        self._pump = threading.Thread(
            target=_pump, args=(stream, plan, say), name=plan.name, daemon=True
        )
        self._pump.start()

    @property
    def group(self) -> int:
        """The process group, which has the number of its first process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the first process ended; None while it runs."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """Tell the first process to end in order; it sees to its children."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, *, until: float) -> None:
        """Wait for the end until a monotonic time, then kill the whole group."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(until - time.monotonic(), 0.0))
        self.kill()

    def kill(self) -> None:
        """Kill whatever is left of the group."""
        # EPERM is what macOS says of a group that is all zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, signal.SIGKILL)
        self._process.wait()
        self._pump.join(timeout=1.0)


class Warden:
    """The process that ends everything if this one cannot; see `app.warden`."""

    def __init__(self, lock_path: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own words
            [sys.executable, "-P", "-m", "app.warden", str(lock_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        if self._orders is None or self._process.stdout is None:
            raise ValueError("the warden is started with pipes")
        self._process.stdout.readline()  # Nothing starts before it watches.

    @property
    def _orders(self) -> IO[str] | None:
        return self._process.stdin

    def watch(self, group: int, number: int) -> None:
        """End a process group with a signal should this process die."""
        self._tell(f"add {group} {number}")

    def forget(self, group: int) -> None:
        """The group is gone; its number may soon be somebody else's."""
        self._tell(f"drop {group}")

    def close(self) -> None:
        """Let it go; what it still watches it ends first."""
        if self._orders is not None:
            self._orders.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _tell(self, order: str) -> None:
        if self._orders is not None:
            self._orders.write(f"{order}\n")


def last_error(log_path: Path) -> str:
    """Give the line of a log that says best why its process ended."""
    try:
        lines = log_path.read_text(errors="replace").splitlines()[-200:]
    except OSError:
        return "no reason given"
    spoken = [line.strip() for line in lines if line.strip()]
    errors = [line for line in spoken if re.search(r"\b(error|Error|FATAL)\b", line)]
    return (errors or spoken or ["no reason given"])[-1]


def _pump(stream: IO[bytes], plan: Plan, say: Say) -> None:
    """Copy a part's lines to its log, and its warnings to the terminal."""
    log = plan.log_path.open("ab")
    try:
        for line in stream:
            if log.tell() > MAX_LOG_BYTES:
                log.close()
                plan.log_path.replace(plan.log_path.with_suffix(".log.1"))
                log = plan.log_path.open("ab")
            _write(log, line)
            text = line.decode(errors="replace").rstrip()
            if WARNING.search(text):
                say(f"{plan.name}: {text}")
    finally:
        log.close()
        stream.close()


def _write(log: IO[bytes], line: bytes) -> None:
    """Write at once; on a full disk the log may lack lines, the part must go on."""
    try:
        log.write(line)
        log.flush()
    except OSError:
        return
