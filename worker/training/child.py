"""The process of one training: reads a request, teaches, answers on a pipe.

Started by `worker.training.process` as `python -m worker.training.child`. It alone
loads torch; its death is no worker's, and takes all its memory along.
"""

import errno
import fcntl
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from model.errors import ModelError, NoRoom, TrainingPaused
from worker.training.messages import PAUSE, to_line

LOCK_WAIT_S = 60.0  # an earlier process of the training ends within this
ALIVE_EVERY_S = 1.0
WORK_EVERY_S = 10.0
LEAST_WORK_S = 0.5  # of a processor's time, in between
# Where memory runs out, the kernel ends this first: neither worker nor database.
OOM_SCORE = "700"
_STDOUT, _STDERR = 1, 2
_FULL = (errno.ENOSPC, errno.EDQUOT)


class StillTrained(Exception):
    """Another process trains in the same folder, and does not end."""


class Channel:
    """Sends messages; without the worker that reads them the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        data = to_line(message)
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                os._exit(1)


class PipeWatch:
    """A `TeachWatch` that sends on what it is told."""

    def __init__(self, channel: Channel, pause: threading.Event) -> None:
        self._channel, self._pause = channel, pause
        self._told_s = time.monotonic()

    def report(self, line: str) -> None:
        """Send a line."""
        self._channel.send(kind="line", text=line)

    def progress(self, stage: str, done: float, eta_s: float | None) -> None:
        """Send how far a stage is."""
        self._channel.send(kind="progress", stage=stage, done=done, eta_s=eta_s)

    def point(
        self, kind: str, stage: str, step: int, values: Mapping[str, float]
    ) -> None:
        """Send a point of a curve."""
        told = {name: float(value) for name, value in values.items()}
        self._channel.send(
            kind="point", curve=kind, stage=stage, step=step, values=told
        )

    def should_pause(self) -> bool:
        """Whether the worker asked for it; the question is a sign of life."""
        now_s = time.monotonic()
        if now_s - self._told_s >= ALIVE_EVERY_S:
            self._told_s = now_s
            self._channel.send(kind="alive")
        return self._pause.is_set()


def main() -> None:
    """Do what one request asks, and exit."""
    channel = Channel(_private_stdout())
    # Ctrl-C, and a stop of all processes of the service, are the worker's to answer.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    request = json.loads(sys.stdin.buffer.readline() or b"null")
    if request is None:
        return
    pause = threading.Event()
    threading.Thread(
        target=_listen, args=(sys.stdin.buffer, pause), daemon=True
    ).start()
    threading.Thread(target=_tell_of_work, args=(channel,), daemon=True).start()
    channel.send(kind="alive")
    try:
        with _alone(Path(request["lock"])):
            _teach(request, channel, pause)
    except TrainingPaused:
        channel.send(kind="paused")
    except StillTrained:
        channel.send(kind="busy")
    except Exception as exc:  # noqa: BLE001  # whatever it is, the worker is told
        channel.send(**told_of(exc))
    # What libraries still have running must not keep a finished process.
    os._exit(0)


def _teach(
    request: Mapping[str, Any], channel: Channel, pause: threading.Event
) -> None:
    import torch

    from model.teaching.options import TeachOptions
    from model.teaching.teach import teach

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    channel.send(kind="machine", device="cuda" if cards else "cpu", cards=cards)
    raw = dict(request["options"])
    base, types = raw.pop("base"), raw.pop("types")
    options = TeachOptions(
        base=None if base is None else Path(base),
        types=None if types is None else tuple(types),
        **raw,
    )
    dataset, folder = Path(request["dataset"]), Path(request["folder"])
    taught = teach(dataset, folder, options, PipeWatch(channel, pause))
    channel.send(
        kind="taught",
        checkpoint=str(taught.checkpoint),
        figures=dict(taught.figures),
        holdout={name: list(spans) for name, spans in taught.holdout.items()},
        notes=list(taught.notes),
        warnings=dict(taught.warnings),
    )


def _tell_of_work(channel: Channel) -> None:
    """Say that the process computes: a long stage has no step between that says so."""
    work = Work()
    while True:
        time.sleep(WORK_EVERY_S)
        if work.was_done():
            channel.send(kind="alive")


class Work:
    """Tells whether the process has computed since it was asked last."""

    def __init__(self) -> None:
        self._used_s = time.process_time()

    def was_done(self) -> bool:
        """Look: one that hangs uses no processor to speak of."""
        before_s, self._used_s = self._used_s, time.process_time()
        return self._used_s - before_s >= LEAST_WORK_S


def _listen(stdin: BinaryIO, pause: threading.Event) -> None:
    """Take the worker's words; its death ends this process, in whatever it is."""
    for line in stdin:
        if line.strip().decode(errors="replace") == PAUSE:
            pause.set()
    os._exit(1)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock: what an earlier worker left behind may not have ended yet.

    It is this process's own: what a library forks of it does not hold it longer.

    Raises:
        StillTrained: another process holds it.
    """
    until_s = time.monotonic() + LOCK_WAIT_S
    with path.open("ab") as lock:
        while True:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                if time.monotonic() > until_s:
                    raise StillTrained(str(path.parent)) from exc
                time.sleep(0.2)
            else:
                yield
                return


def told_of(exc: Exception) -> dict[str, Any]:
    """Say what went wrong, as a message; a bug is told in full on stderr."""
    if _is_full(exc) and not isinstance(exc, NoRoom):  # That one says how much.
        return {"kind": "full"}
    if _is_memory(exc):
        return {"kind": "memory"}
    if isinstance(exc, ModelError):
        return {"kind": "failed", "error": type(exc).__name__, "detail": str(exc)}
    traceback.print_exc()
    return {"kind": "crashed", "detail": f"{type(exc).__name__}: {exc}"}


def _is_full(exc: BaseException | None) -> bool:
    """Whether a full disk is behind an error."""
    while exc is not None:
        if isinstance(exc, NoRoom):
            return True
        if isinstance(exc, OSError) and exc.errno in _FULL:
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _is_memory(exc: Exception) -> bool:
    """Whether memory ran out: Python's, a card's, or that of torch's own allocator."""
    names = {one.__name__ for one in type(exc).__mro__}
    is_torchs = "OutOfMemoryError" in names or "DefaultCPUAllocator" in str(exc)
    return isinstance(exc, MemoryError) or is_torchs


def _private_stdout() -> int:
    """Keep the pipe for messages; what libraries print goes to stderr."""
    own = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    return own


if __name__ == "__main__":
    main()
