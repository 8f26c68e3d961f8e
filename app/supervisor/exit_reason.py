"""Why a process ended: what its exit code says, and the last error of its own words."""

import json
import re
from collections.abc import Iterable, Sequence
from signal import Signals

MAX_CHARS = 300  # of a reason, on the terminal and in /readyz

TRACEBACK = "Traceback (most recent call last)"
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(:\s|$)")  # `OSError: ...`, at the left margin
FINAL = re.compile(r"(?:^[Ee]rror: |\b(?=(?:FATAL|PANIC): ))(.+)")
LOGGED = re.compile(r"\[(?:error|critical) *\]\s*(.+)")

# Signals by which a program ends itself after it has said why.
TELLING = (Signals.SIGABRT, Signals.SIGTRAP)


def describe_exit(code: int) -> str:
    """Name an exit code as `subprocess` gives it: below zero it is a signal."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def exit_reason(code: int, lines: Iterable[str]) -> str | None:
    """Find why a process ended; None if only the exit code tells.

    Args:
        code: as `subprocess` gives it.
        lines: what it said since it started, the last lines at least.
    """
    if code == 0 or (code < 0 and -code not in TELLING):
        return None
    return last_error([line.rstrip() for line in lines if line.strip()])


def last_error(lines: Sequence[str]) -> str | None:
    """Give the last line that says why a process ends; None without any line.

    The end of a traceback and a last word (`error: ...`, FATAL) come before an error
    that was merely logged, that before any other line.
    """
    final = logged = None
    in_traceback = False
    for line in lines:
        if TRACEBACK in line:
            in_traceback = True
        elif in_traceback and EXCEPTION.match(line):
            final, in_traceback = line, False
        elif found := FINAL.search(line):
            final = found[1]
        elif found := LOGGED.search(line):
            logged = found[1]
        elif line.startswith("{"):
            is_final, text = _read_json(line)
            final, logged = (
                (text or final, logged) if is_final else (final, text or logged)
            )
    reason = final or logged or (lines[-1] if lines else None)
    return None if reason is None else reason.strip()[:MAX_CHARS]


def _read_json(line: str) -> tuple[bool, str | None]:
    """Read a logged line; returns whether it ends a traceback, and its error if any."""
    try:
        record = json.loads(line)
    except ValueError:
        return False, None
    if not isinstance(record, dict) or record.get("level") not in ("error", "critical"):
        return False, None
    try:
        raised = record["exception"][-1]
        return True, f"{raised['exc_type']}: {raised['exc_value']}"
    except (KeyError, IndexError, TypeError):
        return False, str(record.get("event"))
