"""What `touchline serve` tells of its processes, in a file of the data directory.

The next start reads which processes a killed run left; `/readyz` reads why one is away.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, PlainSerializer, ValidationError

from app.core.process_identity import ProcessIdentity

FILE_NAME = "processes.json"
POSTGRES, API = "Postgres", "API"


def _parse_identity(value: object) -> object:
    return ProcessIdentity.parse(value) if isinstance(value, str) else value


Identity = Annotated[
    ProcessIdentity | None,
    BeforeValidator(_parse_identity),
    PlainSerializer(lambda identity: None if identity is None else str(identity)),
]


class ReportedProcess(BaseModel, frozen=True):
    """One supervised process.

    Attributes:
        name: `Postgres`, `API`, `gpu worker`, `background worker`.
        identity: its first process, which leads its group; None while it is away.
        stop_signal: what asks it to end in order.
        stop_round: processes are ended round by round, from 0.
        started_s: when it was started, on the machine's monotonic clock; None while it
            is away.
        deaths: how often it ended in a row.
        trouble: how it ended last, a clause; None once it runs steadily.
    """

    name: str
    identity: Identity = None
    stop_signal: int
    stop_round: int
    started_s: float | None = None
    deaths: int = 0
    trouble: str | None = None


class ProcessReport(BaseModel, frozen=True):
    """A run of `touchline serve` and its processes."""

    supervisor: Identity = None
    reaper: Identity = None
    processes: tuple[ReportedProcess, ...] = ()

    def find(self, name: str) -> ReportedProcess | None:
        """Find a process by its name."""
        return next((one for one in self.processes if one.name == name), None)


def is_running(identity: ProcessIdentity | None) -> bool:
    """Whether a process is known to run, on this machine."""
    return identity is not None and ProcessIdentity.of(identity.pid) == identity


def read_report(data_dir: Path) -> ProcessReport | None:
    """Read the report of the last run; None if it ended in order or never was."""
    try:
        text = (data_dir / FILE_NAME).read_bytes()
        return ProcessReport.model_validate_json(text)
    except (OSError, ValidationError):
        return None


def write_report(data_dir: Path, report: ProcessReport) -> bool:
    """Put a report in the place of the last one, whole; False on a full disk."""
    path = data_dir / FILE_NAME
    hidden = path.with_name(f".{FILE_NAME}.new")
    try:
        with hidden.open("w") as file:
            file.write(report.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except OSError:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
        return False
    return True


def remove_report(data_dir: Path) -> None:
    """Remove the report of a run that has ended in order."""
    with suppress(OSError):
        (data_dir / FILE_NAME).unlink(missing_ok=True)
