"""Keeps the parts of the service running: starts again what ends, ends all in order.

Whatever happens to a part, the others go on. A worker is started again for ever. There
is no service without Postgres or the API: one of them that cannot live, on a disk that
has room, ends it. What is known of the parts is kept in a file, for the next start and
for `/readyz`; see `app.core.process_report`.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import StartFailed
from app.core.process_identity import ProcessIdentity
from app.core.process_report import ProcessReport, ReportedProcess, write_report
from app.supervisor.backoff import STEADY_S, Backoff
from app.supervisor.exit_reason import describe_exit
from app.supervisor.preflight import LEAST_FREE_BYTES
from app.supervisor.processes import ChildProcess, LineReporter, ProcessSpec
from app.supervisor.reaper_client import Reaper

START_TRIES = 3  # of a part that the service needs and that a signal ends
LOUD_AFTER = 5  # deaths in a row; from then on the terminal is told where to look

# After so many deaths in a row of what it needs, over at least so long, it ends.
GIVE_UP_AFTER = 20
GIVE_UP_S = 900.0


@dataclass(slots=True)
class SupervisedProcess:
    """A place in the service that a part fills; a new one when it dies.

    Attributes:
        has_been_up: once it was, the service bears its deaths for a while.
        trouble: how it ended last; None once it runs steadily.
    """

    spec: ProcessSpec
    backoff: Backoff
    part: ChildProcess | None = None
    has_been_up: bool = False
    trouble: str | None = None


class Supervisor:
    """All parts of one run of the service."""

    def __init__(
        self, *, data_dir: Path, reaper: Reaper, report_line: LineReporter
    ) -> None:
        self.supervised_processes: list[SupervisedProcess] = []
        self._data_dir, self._reaper, self._report_line = data_dir, reaper, report_line
        self._identity = ProcessIdentity.current()
        self._written: ProcessReport | None = None

    def start(self, spec: ProcessSpec) -> SupervisedProcess:
        """Start a part for the first time, and keep it running from now on.

        Raises:
            StartFailed: it cannot be started, and the service needs it to start.
        """
        supervised = SupervisedProcess(spec, Backoff(spec.longest_pause_s))
        self.supervised_processes.append(supervised)
        self._fill(supervised)
        self._report()
        return supervised

    def step(self) -> None:
        """Look once at everything; start again what has ended and may.

        Raises:
            StartFailed: a part that the service needs ended before its first start was
                over, or again and again.
        """
        self._reaper.check()
        for supervised in self.supervised_processes:
            if supervised.part is None:
                if supervised.backoff.is_due:
                    self._fill(supervised)
            elif supervised.part.exit_code is not None:
                self._handle_exit(supervised, supervised.part)
            elif supervised.trouble is not None and supervised.part.lived_s > STEADY_S:
                supervised.backoff.forget()
                supervised.trouble = None
        self._report()

    def end_all(self) -> None:
        """End the parts round by round, those of a round together."""
        if self.supervised_processes:
            self._report_line("stopping ...")
        for turn in sorted(
            {supervised.spec.stop_round for supervised in self.supervised_processes}
        ):
            parts = list(self._parts_of(turn))
            for part in parts:
                part.ask_to_end()
            now = time.monotonic()
            for part in parts:
                part.wait(until=now + part.spec.stop_s)
                self._reaper.forget(part.group)

    def _parts_of(self, turn: int) -> Iterator[ChildProcess]:
        for supervised in self.supervised_processes:
            if supervised.part is not None and supervised.spec.stop_round == turn:
                yield supervised.part

    def _fill(self, supervised: SupervisedProcess) -> None:
        try:
            supervised.spec.prepare()
            supervised.part = ChildProcess(
                supervised.spec, report_line=self._report_line
            )
        except (OSError, StartFailed) as exc:
            self._note_death(supervised, how="cannot be started", reason=str(exc))
            return
        spec = supervised.spec
        self._reaper.watch(supervised.part.group, spec.stop_signal, spec.stop_round)

    def _handle_exit(self, supervised: SupervisedProcess, part: ChildProcess) -> None:
        how = describe_exit(part.exit_code or 0)
        lived_s = part.lived_s
        part.kill()  # Its children, should it have left any.
        self._reaper.forget(part.group)
        supervised.part = None
        self._note_death(
            supervised,
            how=f"ended ({how})",
            reason=part.exit_reason,
            lived_s=lived_s,
            was_killed=(part.exit_code or 0) < 0,
        )

    def _note_death(
        self,
        supervised: SupervisedProcess,
        *,
        how: str,
        reason: str | None,
        lived_s: float = 0.0,
        was_killed: bool = False,
    ) -> None:
        """Tell how a part ended and when it is started again.

        Raises:
            StartFailed: the service needs it, and it ended by itself or was killed
                again and again while it started, or cannot live.
        """
        title, log_path = supervised.spec.title, supervised.spec.log_path
        told = f": {reason}" if reason else ""
        has_tries = was_killed and supervised.backoff.deaths + 1 < START_TRIES
        is_needed = supervised.spec.is_essential and not supervised.has_been_up
        if is_needed and not has_tries:
            raise StartFailed(f"{title} does not start: {reason or how}")
        pause_s = supervised.backoff.note_death(lived_s=lived_s)
        deaths = supervised.backoff.deaths
        if deaths < LOUD_AFTER:
            supervised.trouble = f"{title} {how}{told}"
            self._report_line(f"{supervised.trouble}; restarting in {pause_s:.0f} s")
            return
        supervised.trouble = f"{title} {how}, {deaths} times in a row{told}"
        if self._is_hopeless(supervised):
            raise StartFailed(
                f"{supervised.trouble}. Giving up: there is no service without it. "
                f"See {log_path}, then start it again."
            )
        self._report_line(
            f"{supervised.trouble} (see {log_path}); next try in {pause_s:.0f} s"
        )

    def _is_hopeless(self, supervised: SupervisedProcess) -> bool:
        """Whether the service needs it, and it dies though the disk has room."""
        backoff = supervised.backoff
        if not supervised.spec.is_essential or backoff.deaths < GIVE_UP_AFTER:
            return False
        try:
            has_room = shutil.disk_usage(self._data_dir).free > LEAST_FREE_BYTES
        except OSError:  # a network disk that is away comes back
            return False
        return backoff.row_s >= GIVE_UP_S and has_room

    def _report(self) -> None:
        """Write the file anew if anything changed; on a full disk try again later."""
        report = ProcessReport(
            supervisor=self._identity,
            reaper=self._reaper.identity,
            processes=tuple(
                _reported(supervised) for supervised in self.supervised_processes
            ),
        )
        if report != self._written and write_report(self._data_dir, report):
            self._written = report


def _reported(supervised: SupervisedProcess) -> ReportedProcess:
    return ReportedProcess(
        name=supervised.spec.name,
        identity=None if supervised.part is None else supervised.part.identity,
        stop_signal=supervised.spec.stop_signal,
        stop_round=supervised.spec.stop_round,
        started_s=None if supervised.part is None else supervised.part.started,
        deaths=supervised.backoff.deaths,
        trouble=supervised.trouble,
    )
