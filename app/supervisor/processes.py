"""A part of the running service: a child process in a group of its own, and its log.

What it says goes to a file; warnings are shown on the terminal, too, with its name.
"""

import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from app.core.errors import StartFailed
from app.core.process_identity import ProcessIdentity
from app.supervisor.exit_reason import exit_reason

MAX_LOG_BYTES = 20 * 2**20  # then the log is kept as NAME.log.1 and begun anew
MAX_LINE_BYTES = 64 * 2**10  # a longer line is taken for several
KEPT_LINES = 200  # of the present start, to tell why it ended
WARNING = re.compile(r"\[(warning|error|critical) *\]|\"level\": ?\"(warning|error)")

LineReporter = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How a part is started, and how it is ended.

    Attributes:
        name: for the log file and the terminal.
        prepare: called before each start; may raise StartFailed.
        popen_options: more arguments of `Popen`.
        niceness: added to its priority number; a higher one yields the processor.
        is_essential: the service does not start without it.
        longest_pause_s: the longest wait between two starts.
        stop_signal: what asks its first process to end in order.
        stop_round: parts are ended round by round, from 0.
        stop_s: how long it may take to end.
        answers: asks it for a sign of life; False: none came in time.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    prepare: Callable[[], None] = lambda: None
    popen_options: Mapping[str, Any] = field(default_factory=dict)
    niceness: int = 0
    is_essential: bool = False
    longest_pause_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_round: int = 1
    stop_s: float = 7.0
    answers: Callable[[], bool] | None = None

    @property
    def title(self) -> str:
        """The name as a sentence begins with it."""
        return self.name if self.name == "Postgres" else f"the {self.name}"


class ChildProcess:
    """A started part. The group lives as long as anything in it.

    Raises:
        OSError, StartFailed: it cannot be started.
    """

    def __init__(self, spec: ProcessSpec, *, report_line: LineReporter) -> None:
        self.spec = spec
        self.started = time.monotonic()
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._process = subprocess.Popen(  # noqa: S603  # our own words
            spec.command,
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **spec.popen_options,
        )
        _yield_processor(self.group, spec.niceness)
        self.identity = ProcessIdentity.of(self.group)
        self._pump = threading.Thread(
            target=self._copy_lines, args=(report_line,), name=spec.name, daemon=True
        )
        try:
            self._pump.start()
        except RuntimeError as exc:  # No thread to be had: it would soon block.
            os.killpg(self.group, signal.SIGKILL)
            self._process.wait()
            raise StartFailed(f"cannot follow {spec.title}: {exc}") from exc

    @property
    def group(self) -> int:
        """The process group, which has the number of its first process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the first process ended; None while it runs."""
        return self._process.poll()

    @property
    def lived_s(self) -> float:
        """For how long it has run."""
        return time.monotonic() - self.started

    @property
    def exit_reason(self) -> str | None:
        """Why it ended, by its own words; None if they do not tell."""
        code = self.exit_code
        return None if code is None else exit_reason(code, list(self._lines))

    def ask_to_end(self) -> None:
        """Tell the first process to end in order; it sees to its children."""
        if self._process.poll() is None:
            self._process.send_signal(self.spec.stop_signal)

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

    def _copy_lines(self, report_line: LineReporter) -> None:
        """Copy its lines to its log, and its warnings to the terminal."""
        log = _Log(self.spec.log_path)
        stream = self._process.stdout
        if stream is None:
            raise ValueError("a part is started with a pipe")
        with stream:
            for line in _lines(stream):
                log.write(line)
                text = line.decode(errors="replace").rstrip()
                self._lines.append(text)
                if WARNING.search(text):
                    report_line(f"{self.spec.name}: {text}")
        log.close()


class _Log:
    """A log file; on a full disk it may lack lines, the part must go on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def write(self, line: bytes) -> None:
        """Write at once; a file too long is begun anew."""
        with suppress(OSError):
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            if self._file.tell() > MAX_LOG_BYTES:
                self._path.replace(self._path.with_suffix(".log.1"))
                self.close()
                self._file = self._path.open("ab", buffering=0)
            self._file.write(line)

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE_BYTES):
        yield line


def _yield_processor(pid: int, niceness: int) -> None:
    """Lower the priority of a process that was only just started, if asked to."""
    if niceness == 0:
        return
    with suppress(OSError):
        own = os.getpriority(os.PRIO_PROCESS, 0)  # which the process began with
        os.setpriority(os.PRIO_PROCESS, pid, min(own + niceness, 19))
    # Desktop kernels share the processor out between sessions first, and each part
    # is a session of its own: there this number counts.
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
