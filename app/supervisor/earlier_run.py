"""Ends what an earlier run left when it was killed together with its reaper."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from app.core.errors import StartFailed
from app.core.process_report import (
    ProcessReport,
    ReportedProcess,
    is_running,
    read_report,
    remove_report,
)
from app.supervisor.processes import LineReporter
from app.supervisor.reaper import end_in_rounds

REAPER_S = 20.0  # how long to wait for the reaper of a killed run to do its work
KILLED_S = 5.0
POLL_S = 0.1


def end_earlier_run(
    data_dir: Path, *, lock_path: Path, report_line: LineReporter
) -> None:
    """End the processes of a killed run, so that this one may begin.

    Its reaper does it if it lives; else they are found by the report of that run.

    Raises:
        StartFailed: the earlier reaper neither ends nor can be killed.
    """
    report = read_report(data_dir) or ProcessReport()
    if not _wait_until_free(lock_path, REAPER_S):
        if report.reaper is not None and is_running(report.reaper):
            with suppress(ProcessLookupError):
                os.kill(report.reaper.pid, signal.SIGKILL)
        if not _wait_until_free(lock_path, KILLED_S):
            raise StartFailed(
                "an earlier run is still ending: wait a moment, then start again"
            )
    left = [one for one in report.processes if _is_left(one, data_dir)]
    if left:
        report_line(
            f"ending what an earlier run left: {', '.join(one.name for one in left)}"
        )
        end_in_rounds(
            {
                one.identity.pid: (one.stop_signal, one.stop_round)
                for one in left
                if one.identity is not None
            }
        )
    remove_report(data_dir)


def _wait_until_free(lock_path: Path, patience_s: float) -> bool:
    """Wait until no reaper holds its lock; False if that takes too long."""
    deadline = time.monotonic() + patience_s
    with lock_path.open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(POLL_S)
                continue
            return True


def _is_left(process: ReportedProcess, data_dir: Path) -> bool:
    """Whether anything of a process group still runs.

    A group outlives its first process, and its number is not given anew before it is
    gone; but it may be gone and the number be somebody else's by now.
    """
    if process.identity is None:
        return False
    if is_running(process.identity):
        return True
    if not process.identity.is_dead:
        return False  # Of another machine, or another container.
    return any(_serves(one, data_dir) for one in _members(process.identity.pid))


def _members(group: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(OSError):
            if os.getpgid(process.pid) == group:
                yield process


def _serves(process: psutil.Process, data_dir: Path) -> bool:
    """Whether a process was started for a data directory, by its environment."""
    try:
        return process.environ().get("TOUCHLINE_DATA_DIR") == str(data_dir)
    except psutil.Error:
        return False
