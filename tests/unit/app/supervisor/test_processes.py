"""A part of the service: its group ends as one, its words go to the log."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.supervisor.processes import ChildProcess, ProcessSpec

PATIENCE_S = 60.0


def spec(tmp_path: Path, code: str) -> ProcessSpec:
    return ProcessSpec(
        "part", [sys.executable, "-c", code], os.environ, tmp_path / "part.log"
    )


def wait_for_line(log: Path) -> str:
    """Wait until a log holds a whole line."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if log.exists() and log.read_text().endswith("\n"):
            return log.read_text()
        time.sleep(0.02)
    raise AssertionError("nothing was logged")


def test_all_is_logged_and_warnings_are_shown_with_the_parts_name(
    tmp_path: Path,
) -> None:
    code = (
        "print('2026 [info     ] fine')\n"
        "print('2026 [warning  ] careful')\n"
        'print(\'{"level": "error", "event": "bad"}\')\n'
        "print('the end')\n"
    )
    said: list[str] = []

    part = ChildProcess(spec(tmp_path, code), report_line=said.append)
    part.wait(until=time.monotonic() + PATIENCE_S)

    assert len((tmp_path / "part.log").read_text().splitlines()) == 4
    assert [line.partition(":")[0] for line in said] == ["part", "part"]
    assert "careful" in said[0]
    assert "bad" in said[1]
    assert part.exit_code == 0


@pytest.mark.slow
def test_a_part_that_will_not_end_is_killed_with_all_its_children(
    tmp_path: Path,
) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = subprocess.Popen(command)\n"
        "print('child', child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    part = ChildProcess(spec(tmp_path, code), report_line=lambda _: None)
    child = psutil.Process(int(wait_for_line(tmp_path / "part.log").split()[1]))

    part.ask_to_end()
    part.wait(until=time.monotonic() + 0.3)

    assert part.exit_code == -9
    gone, alive = psutil.wait_procs([child], timeout=PATIENCE_S)
    assert (gone, alive) == ([child], [])


def test_why_a_part_ended_is_known_though_its_log_cannot_be_written(
    tmp_path: Path,
) -> None:
    nowhere = tmp_path / "gone" / "part.log"
    code = "raise OSError('no room for ' + 'x' * 10)"
    started = ProcessSpec("part", [sys.executable, "-c", code], os.environ, nowhere)

    part = ChildProcess(started, report_line=lambda _: None)
    part.wait(until=time.monotonic() + PATIENCE_S)

    assert part.exit_reason == "OSError: no room for xxxxxxxxxx"


def test_a_part_of_low_priority_leaves_it_to_its_children(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "command = [sys.executable, '-c', 'import os; print(os.nice(0))']\n"
        "print(subprocess.run(command, capture_output=True, text=True).stdout)\n"
    )
    gentle = replace(spec(tmp_path, code), niceness=5)

    part = ChildProcess(gentle, report_line=lambda _: None)
    part.wait(until=time.monotonic() + PATIENCE_S)

    assert int(wait_for_line(tmp_path / "part.log")) == os.nice(0) + 5
