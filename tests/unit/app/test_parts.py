"""A part of the service: its group ends as one, its words go to the log."""

import os
import sys
import time
from pathlib import Path

import psutil

from app.parts import Part, Plan, last_error

PATIENCE_S = 60.0


def plan(tmp_path: Path, code: str) -> Plan:
    return Plan("part", [sys.executable, "-c", code], os.environ, tmp_path / "part.log")


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

    part = Part(plan(tmp_path, code), say=said.append)
    part.wait(until=time.monotonic() + PATIENCE_S)

    assert len((tmp_path / "part.log").read_text().splitlines()) == 4
    assert [line.partition(":")[0] for line in said] == ["part", "part"]
    assert "careful" in said[0]
    assert "bad" in said[1]
    assert part.exit_code == 0


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
    part = Part(plan(tmp_path, code), say=lambda _: None)
    child = psutil.Process(int(wait_for_line(tmp_path / "part.log").split()[1]))

    part.ask_to_end()
    part.wait(until=time.monotonic() + 0.3)

    assert part.exit_code == -9
    gone, alive = psutil.wait_procs([child], timeout=PATIENCE_S)
    assert (gone, alive) == ([child], [])


def test_the_last_error_is_the_line_that_says_most(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("starting\n[error] port 1 is taken\ngood bye\n\n")

    assert last_error(log) == "[error] port 1 is taken"
    assert last_error(tmp_path / "none.log") == "no reason given"
