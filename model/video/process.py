"""The parent's side of a decoding process: start it, read its messages, and end it.

Every message is one line of JSON, checked when it is read: the child has touched
other people's bytes and is not trusted.
"""

import json
import logging
import math
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import model
from model import errors
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.sandbox import SandboxReport

MEMORY_BYTES = 4 << 30
"""Address space of the child; 4K with every reference frame takes about 1 GiB."""

_POLL_S = 0.25
_START_S = 60.0
_END_S = 5.0
_MAX_LINE = 1 << 20
_log = logging.getLogger(__name__)
_ROOT = Path(model.__path__[0]).resolve().parent


class ChildProcess:
    """A running `model.video.child` that answers one request with messages.

    Attributes:
        has_started: whether it has spoken; to start Python takes a while.
        sandbox: what the child may not do; None until it has reported.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        *,
        limits: MediaLimits,
        stall_timeout_s: float,
        share: tuple[int, ...] = (),
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        """Start the child and send it the request.

        Args:
            request: what to do; JSON-able.
            limits: bound the CPU time, too.
            stall_timeout_s: how long to wait for a sign of progress.
            share: descriptors the child inherits under the same numbers.
            on_wait: called while waiting, at once and then every quarter of a second
                or so, however often the child speaks; what it raises ends the wait.
        """
        self._stall_timeout_s = stall_timeout_s
        self._on_wait = on_wait
        self._waited_at = -math.inf
        self._buffer = b""
        self.has_started = False
        self.sandbox: SandboxReport | None = None
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # outlives this
        self._process = self._start(share)
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        is_main = threading.current_thread() is threading.main_thread()
        order = {
            **request,
            "parent": os.getpid(),
            "die_with_thread": is_main,
            "memory_bytes": MEMORY_BYTES,
            "cpu_s": int(300 + 10 * limits.max_duration_s),
        }
        self.send(json.dumps(order).encode() + b"\n")

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, data: bytes) -> None:
        """Write to the child; if it is gone, the next `receive` says why."""
        try:
            self._stdin.write(data)
        except BrokenPipeError:
            return

    def receive(self) -> dict[str, Any]:
        """Wait for the child's next message that is more than a sign of life.

        Raises:
            DecoderStalled: no sign of progress for `stall_timeout_s`.
            DecoderCrashed: the child died or sent an invalid message.
            ModelError: what the child reports, as the class it names.
        """
        while True:
            message = _parsed(self._line())
            kind = message.get("kind")
            if kind == "error":
                raise _as_error(message)
            if kind == "sandbox":
                self._note_sandbox(message)
            elif kind != "alive":
                return message

    def close(self) -> None:
        """Kill the child if it still runs, and leave nothing of it behind."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            # One that hangs in a dead network disk dies when the disk answers.
            self._process.wait(timeout=_END_S)
        self._selector.close()
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    def _note_sandbox(self, message: Mapping[str, Any]) -> None:
        if self.sandbox is not None:
            return  # Once it has read the file the child is not trusted.
        try:
            self.sandbox = SandboxReport.from_message(message)
        except (KeyError, TypeError, ValueError) as exc:
            raise errors.DecoderCrashed(
                "The decoding process sent an invalid message."
            ) from exc
        _log.debug("sandbox of decoding process %d: %s", self.pid, self.sandbox)

    def _start(self, share: tuple[int, ...]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "model.video.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                bufsize=0,
                cwd="/",
                env=_scrubbed_environment(),
                pass_fds=share,
                process_group=0,  # Ctrl-C is the parent's to answer.
            )
        except OSError as exc:
            self._stderr.close()
            raise errors.DecoderCrashed(
                f"The decoding process could not be started: {exc.strerror}."
            ) from exc

    def _line(self) -> bytes:
        timeout_s = self._stall_timeout_s
        if not self.has_started:
            timeout_s = max(timeout_s, _START_S)  # Starting Python takes a while.
        # Only time in which it was waited for counts, each wait for no more than it
        # should take: a machine that stood still has not stalled.
        wait_s, quiet_s = min(_POLL_S, self._stall_timeout_s), 0.0
        self._check()
        while b"\n" not in self._buffer:
            began = time.monotonic()
            is_ready = self._selector.select(wait_s)
            quiet_s += min(time.monotonic() - began, 2 * wait_s)
            if is_ready:
                data = os.read(self._stdout.fileno(), 65536)
                if not data or len(self._buffer) > _MAX_LINE:
                    raise self._crash()
                self._buffer += data
            self._check()
            if quiet_s > timeout_s and b"\n" not in self._buffer:
                raise errors.DecoderStalled(
                    f"The decoder made no progress for {timeout_s:g} s. "
                    "The file is probably damaged: play it to check, or convert it."
                )
        self.has_started = True
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _check(self) -> None:
        now = time.monotonic()
        if self._on_wait is not None and now >= self._waited_at + _POLL_S:
            self._waited_at = now
            self._on_wait()

    def _crash(self) -> errors.DecoderCrashed:
        try:
            code = self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            code = None
        error = errors.DecoderCrashed(_why_it_ended(code))
        self._stderr.seek(0)
        written = self._stderr.read()[-2000:].decode(errors="replace").strip()
        if written:
            error.add_note(f"The decoding process wrote: {written}")
        return error


def inspect_sandbox(*, timeout_s: float = 30.0) -> SandboxReport:
    """Start a decoding process to see which layers of its sandbox hold here.

    Raises:
        DecoderStalled, DecoderCrashed: it does not start: no video can be decoded.
    """
    child = ChildProcess(
        {"verb": "sandbox"}, limits=DEFAULT_LIMITS, stall_timeout_s=timeout_s
    )
    try:
        child.receive()
    finally:
        child.close()
    if child.sandbox is None:
        raise errors.DecoderCrashed("The decoding process sent an invalid message.")
    return child.sandbox


def _scrubbed_environment() -> dict[str, str]:
    """Return the child's environment: no secrets, and settings that save memory."""
    return {
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "PYTHONPATH": str(_ROOT),
        "PYTHONFAULTHANDLER": "1",
        "PYTHONUTF8": "1",
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line, parse_float=_finite, parse_constant=_finite)
    except ValueError as exc:
        raise errors.DecoderCrashed(
            "The decoding process sent an invalid message."
        ) from exc
    if not isinstance(message, dict):
        raise errors.DecoderCrashed("The decoding process sent an invalid message.")
    return message


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is NaN or infinite")
    return value


def _as_error(message: Mapping[str, Any]) -> errors.ModelError:
    named = getattr(errors, str(message.get("name")), None)
    detail = str(message.get("detail"))
    if isinstance(named, type) and issubclass(named, errors.ModelError):
        return named(detail)
    return errors.DecoderCrashed(f"The decoding process failed: {detail}")


def _why_it_ended(code: int | None) -> str:
    if code is None:
        return "The decoding process closed its pipe and hung."
    if code >= 0:
        return f"The decoding process ended early, with exit status {code}."
    known = {one.value: one.name for one in signal.Signals}
    name = known.get(-code, f"signal {-code}")  # Most real-time ones have no name.
    hints = {
        "SIGKILL": "someone or the system killed it, perhaps for want of memory",
        "SIGXCPU": "it used up its CPU time",
        "SIGSEGV": "the file is probably damaged; converting it may help",
        "SIGABRT": "the file is probably damaged; converting it may help",
        "SIGBUS": "the file or the disk is probably damaged",
    }
    hint = f": {hints[name]}" if name in hints else ""
    return f"The decoding process was ended by {name}{hint}."
