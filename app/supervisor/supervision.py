"""Keeps the parts of the service running: starts again what ends, ends all in order.

Whatever happens to a part, the others go on. What is known of the parts is kept in a
file, for the next start and for `/readyz`; see `app.core.process_report`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import StartFailed
from app.core.process_identity import ProcessIdentity
from app.core.process_report import ProcessReport, ReportedProcess, write_report
from app.supervisor.backoff import STEADY_S, Backoff
from app.supervisor.exit_reason import describe_exit
from app.supervisor.processes import Part, Plan, Say
from app.supervisor.reaper_client import Warden

LOUD_AFTER = 5  # deaths in a row; from then on the terminal is told where to look


@dataclass(slots=True)
class Seat:
    """A place in the service that a part fills; a new one when it dies.

    Attributes:
        has_been_up: once it was, its death never ends the service.
        trouble: how it ended last; None once it runs steadily.
    """

    plan: Plan
    backoff: Backoff
    part: Part | None = None
    has_been_up: bool = False
    trouble: str | None = None


class Supervisor:
    """All parts of one run of the service."""

    def __init__(self, *, data_dir: Path, warden: Warden, say: Say) -> None:
        self.seats: list[Seat] = []
        self._data_dir, self._warden, self._say = data_dir, warden, say
        self._identity = ProcessIdentity.current()
        self._written: ProcessReport | None = None

    def start(self, plan: Plan) -> Seat:
        """Start a part for the first time, and keep it running from now on.

        Raises:
            StartFailed: it cannot be started, and the service needs it to start.
        """
        seat = Seat(plan, Backoff(plan.longest_pause_s))
        self.seats.append(seat)
        self._fill(seat)
        self._report()
        return seat

    def step(self) -> None:
        """Look once at everything; start again what has ended and may.

        Raises:
            StartFailed: a part ended before its first start was over, and the service
                needs it to start.
        """
        self._warden.check()
        for seat in self.seats:
            if seat.part is None:
                if seat.backoff.is_due:
                    self._fill(seat)
            elif seat.part.exit_code is not None:
                self._bury(seat, seat.part)
            elif seat.trouble is not None and seat.part.lived_s > STEADY_S:
                seat.backoff.forget()
                seat.trouble = None
        self._report()

    def end_all(self) -> None:
        """End the parts round by round, those of a round together."""
        if self.seats:
            self._say("stopping ...")
        for turn in sorted({seat.plan.stop_round for seat in self.seats}):
            parts = list(self._parts_of(turn))
            for part in parts:
                part.ask_to_end()
            now = time.monotonic()
            for part in parts:
                part.wait(until=now + part.plan.stop_s)
                self._warden.forget(part.group)

    def _parts_of(self, turn: int) -> Iterator[Part]:
        for seat in self.seats:
            if seat.part is not None and seat.plan.stop_round == turn:
                yield seat.part

    def _fill(self, seat: Seat) -> None:
        try:
            seat.plan.prepare()
            seat.part = Part(seat.plan, say=self._say)
        except (OSError, StartFailed) as exc:
            self._note_death(seat, how="cannot be started", reason=str(exc))
            return
        plan = seat.plan
        self._warden.watch(seat.part.group, plan.stop_signal, plan.stop_round)

    def _bury(self, seat: Seat, part: Part) -> None:
        how = describe_exit(part.exit_code or 0)
        lived_s = part.lived_s
        part.kill()  # Its children, should it have left any.
        self._warden.forget(part.group)
        seat.part = None
        self._note_death(
            seat, how=f"ended ({how})", reason=part.exit_reason, lived_s=lived_s
        )

    def _note_death(
        self, seat: Seat, *, how: str, reason: str | None, lived_s: float = 0.0
    ) -> None:
        """Say how a part ended and when it is started again.

        Raises:
            StartFailed: the service needs it to start.
        """
        title, log_path = seat.plan.title, seat.plan.log_path
        told = f": {reason}" if reason else ""
        if seat.plan.is_essential and not seat.has_been_up:
            raise StartFailed(f"{title} does not start: {reason or how}")
        pause_s = seat.backoff.note_death(lived_s=lived_s)
        deaths = seat.backoff.deaths
        if deaths < LOUD_AFTER:
            seat.trouble = f"{title} {how}{told}"
            self._say(f"{seat.trouble}; restarting in {pause_s:.0f} s")
            return
        seat.trouble = f"{title} ended {deaths} times in a row: {reason or how}"
        self._say(f"{seat.trouble} (see {log_path}); next try in {pause_s:.0f} s")

    def _report(self) -> None:
        """Write the file anew if anything changed; on a full disk try again later."""
        report = ProcessReport(
            supervisor=self._identity,
            reaper=self._warden.identity,
            processes=tuple(_reported(seat) for seat in self.seats),
        )
        if report != self._written and write_report(self._data_dir, report):
            self._written = report


def _reported(seat: Seat) -> ReportedProcess:
    return ReportedProcess(
        name=seat.plan.name,
        identity=None if seat.part is None else seat.part.identity,
        stop_signal=seat.plan.stop_signal,
        stop_round=seat.plan.stop_round,
        started_s=None if seat.part is None else seat.part.started,
        deaths=seat.backoff.deaths,
        trouble=seat.trouble,
    )
