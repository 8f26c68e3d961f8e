"""A training from its beginning, or from where it was, to its end.

It runs in a process that is begun anew after each pause. Meanwhile this one shows what
it does, looks for a cancel, and gives way to analyses.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from app.core.errors import StorageFull
from app.trainings.service import PointKind
from model import errors
from worker.job_task import Reporter
from worker.training.failures import (
    TrainingBusy,
    TrainingDied,
    TrainingOutOfMemory,
    TrainingStalled,
)
from worker.training.giving_way import Machine, usable_cores
from worker.training.messages import Message
from worker.training.process import COMMAND, ProcessEnded, TrainingProcess

POLL_S = 0.25
PAUSED = "paused"

# Where in the whole training a stage begins; what it takes, roughly.
BEGINS: Mapping[str, float] = {
    "export": 0.0,
    "prepare": 0.02,
    "features": 0.12,
    "head": 0.3,
    "finetune": 0.45,
    "calibrate": 0.9,
    "engines": 0.95,
    "compare": 1.0,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a training waits, in seconds.

    Attributes:
        look_every_s: how often the queue of analyses is looked at.
        pause_s: a process that has not paused by then is ended; that costs it what it
            has done since it saved its state last.
        quiet_s: nobody has waited for so long: it goes on.
        longest_s: after so long a pause it has a turn, whoever waits: analyses that
            come one after another must not keep it from its end for ever.
        turn_s: how long a turn is.
        stall_s: a process that says nothing for so long hangs; one that computes says
            so.
    """

    look_every_s: float = 2.0
    pause_s: float = 60.0
    quiet_s: float = 5.0
    longest_s: float = 30 * 60.0
    turn_s: float = 10 * 60.0
    stall_s: float = 600.0


class Record(Protocol):
    """Takes what is shown of a training."""

    def begin(self) -> None:
        """Begin a process."""

    def line(self, text: str, *, is_said_once: bool = False) -> None:
        """Add a line to the log."""

    def point(
        self,
        kind: PointKind,
        stage: str,
        step: int,
        values: Mapping[str, float | None],
    ) -> None:
        """Add a point to a curve."""

    def flush_if_due(self) -> None:
        """Write what there is, unless that was done a moment ago."""

    def flush(self) -> None:
        """Write what there is."""


class Waited(Protocol):
    """Tells whether somebody waits for what the training computes on."""

    def is_waited_for(self) -> bool:
        """Look now."""


def share_of_all(stage: str, done: float) -> float | None:
    """Tell how much of the whole training is done; None of a stage we do not know."""
    stages = list(BEGINS)
    if stage not in BEGINS:
        return None
    begin = BEGINS[stage]
    after = stages[min(stages.index(stage) + 1, len(stages) - 1)]
    return begin + (BEGINS[after] - begin) * min(max(done, 0.0), 1.0)


@dataclass(slots=True)
class TrainingRun:
    """One run of a training.

    Attributes:
        request: what its processes are told to do.
        reporter: takes progress, and tells when to stop.
        record: takes curves and log.
        queue: tells when to give way.
        timeouts: how long it waits, and for what.
        command: starts its processes.
        note_further: is told of the whole training's share that need not be done again.
    """

    request: Mapping[str, Any]
    reporter: Reporter
    record: Record
    queue: Waited
    timeouts: Timeouts
    note_further: Callable[[float], None]
    command: Sequence[str] = COMMAND
    machine: Machine | None = None
    done: float = 0.0
    _looked_s: float = field(default=0.0, init=False)
    _turn_until_s: float = field(default=0.0, init=False)

    def to_the_end(self) -> Message:
        """Train; returns the message that says what came of it.

        Raises:
            Canceled: the run must stop; what is done is kept.
            ModelError, JobFailure, StorageFull: it failed.
        """
        try:
            while True:
                self.record.begin()
                with TrainingProcess(self.request, command=self.command) as process:
                    log.info("training_process", pid=process.pid)
                    ended = self._follow(process)
                if ended is not None:
                    return ended
                self.record.line("paused: analyses wait; what is done is saved")
                if self._wait_for_the_machine():
                    self.record.line("goes on: no analysis waits")
                else:
                    self._turn_until_s = time.monotonic() + self.timeouts.turn_s
                    self.record.line("goes on beside analyses: it was paused for long")
        finally:
            self.record.flush()

    def _follow(self, process: TrainingProcess) -> Message | None:
        """Hear a process to its end; None: it has paused."""
        quiet_s, asked_s = 0.0, None
        while True:
            self.reporter.touch()
            self.record.flush_if_due()
            now_s = time.monotonic()
            if asked_s is None and self._must_give_way(now_s):
                process.ask_to_pause()
                asked_s = now_s
            if asked_s is not None and now_s - asked_s > self.timeouts.pause_s:
                process.kill()
            try:
                message = process.receive(within_s=POLL_S)
            except ProcessEnded as exc:
                if asked_s is not None:
                    return None
                raise TrainingDied(_words_of_death(exc.code)) from exc
            if message is not None:
                quiet_s = 0.0
                if message["kind"] == PAUSED:
                    return None
                if self._take(message):
                    return message
                continue
            # Each wait counts for no more than it should take: a machine that stood
            # still has not stalled.
            quiet_s += min(time.monotonic() - now_s, 2 * POLL_S)
            if quiet_s > self.timeouts.stall_s:
                raise TrainingStalled(
                    f"The training gave no sign of life for {quiet_s:.0f} s "
                    "and was ended; it goes on from where it was saved last."
                )

    def _take(self, message: Message) -> bool:
        """Take what a process says; whether that was the end.

        Raises:
            ModelError, JobFailure, StorageFull: it says that it failed.
        """
        match message["kind"]:
            case "line":
                self.record.line(str(message["text"]), is_said_once=True)
            case "point":
                self.record.point(
                    message["curve"],
                    str(message["stage"]),
                    int(message["step"]),
                    message["values"],
                )
            case "progress":
                self._progress(message)
            case "machine":
                cards = int(message["cards"])
                self.machine = Machine(str(message["device"]), cards, usable_cores())
            case "taught":
                return True
            case _:
                _refuse_failure(message)
        return False

    def _progress(self, message: Message) -> None:
        stage, eta_s = str(message["stage"]), message["eta_s"]
        share = share_of_all(stage, float(message["done"]))
        self.done = self.done if share is None else max(self.done, share)
        self.reporter.progress(stage, self.done, eta_s)
        self.note_further(self.done)

    def _must_give_way(self, now_s: float) -> bool:
        if self.machine is None or not self.machine.is_shared:
            return False
        if now_s - self._looked_s < self.timeouts.look_every_s:
            return False
        if now_s < self._turn_until_s:
            return False
        self._looked_s = now_s
        return self.queue.is_waited_for()

    def _wait_for_the_machine(self) -> bool:
        """Wait, paused, until nobody has needed the machine for a while.

        Returns:
            Whether nobody has; else it has waited for as long as it does.
        """
        self.record.flush()
        since_s, free_s = time.monotonic(), None
        while free_s is None or time.monotonic() - free_s < self.timeouts.quiet_s:
            if time.monotonic() - since_s > self.timeouts.longest_s:
                return False
            self.reporter.progress(PAUSED, self.done)
            time.sleep(POLL_S)
            now_s = time.monotonic()
            if now_s - self._looked_s >= self.timeouts.look_every_s:
                self._looked_s = now_s
                is_free = not self.queue.is_waited_for()
                free_s = (free_s or now_s) if is_free else None
        return True


def _refuse_failure(message: Message) -> None:
    """Raise what a process says went wrong, if it says so."""
    match message["kind"]:
        case "failed":
            raise _error_of(message)
        case "busy":
            raise TrainingBusy(
                "A process of an earlier run still trains it; what that saves is kept."
            )
        case "full":
            raise StorageFull("The disk of the training's worker is full.")
        case "memory":
            raise TrainingOutOfMemory(
                "The training ran out of memory: close what else runs on that "
                "machine, or give the training worker a larger one."
            )
        case "crashed":
            raise RuntimeError(str(message["detail"]))


def _error_of(message: Message) -> Exception:
    """Give the error that a process names."""
    found = getattr(errors, str(message["error"]), errors.TrainingFailed)
    is_ours = isinstance(found, type) and issubclass(found, errors.ModelError)
    error: type[errors.ModelError] = found if is_ours else errors.TrainingFailed
    return error(str(message["detail"]))


def _words_of_death(code: int) -> str:
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    why = " (often because memory ran out)" if code == -9 else ""
    return f"The training's process was ended {how}{why}; the worker's log tells more."
