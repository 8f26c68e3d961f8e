"""Names a process so that others can tell, on the same machine, whether it still lives.

A process id alone proves nothing: it is given anew after a death or a restart.
"""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import psutil

_START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the name in brackets


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one machine, told from any other that had its number.

    Attributes:
        machine: host name and, on Linux, the process id namespace.
        pid: the process id.
        started: when it started, in a unit of the platform that no clock change moves.
    """

    machine: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.machine}/{self.pid}/{self.started}"

    @classmethod
    def current(cls) -> Self:
        """Name this very process."""
        pid = os.getpid()
        return cls(_machine(), pid, _start_time(pid) or "unknown")

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Name a process of this machine; None if none runs under that number."""
        started = _start_time(pid)
        return None if started is None else cls(_machine(), pid, started)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None for anything else."""
        parts = text.rsplit("/", 2)
        if len(parts) != 3 or not parts[1].isdecimal():
            return None
        return cls(parts[0], int(parts[1]), parts[2])

    @property
    def host(self) -> str:
        """The host name of its machine."""
        return self.machine.partition("/")[0]

    @property
    def is_dead(self) -> bool:
        """Whether the process is known to be gone; False for one of another machine."""
        if self.machine != _machine():
            return False
        return _start_time(self.pid) != self.started

    @property
    def was_ended_by_restart(self) -> bool:
        """Whether it is gone: from this machine, or with a container's earlier start.

        For the start of a process alone: two containers of one host name are not told
        apart.
        """
        return self.is_dead or self.is_of_earlier_container

    @property
    def is_of_earlier_container(self) -> bool:
        """Whether it is of a container that has been started anew, by its host name.

        A container keeps its host name over a restart and gets a process id namespace
        of its own. Two that were given one name are told apart no better.
        """
        return self.machine != _machine() and self.host == socket.gethostname()


@cache
def machine_id() -> str:
    """Name the machine: the same in all its containers, another one after a restart."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


@cache
def _machine() -> str:
    namespace = Path("/proc/self/ns/pid")
    try:
        return f"{socket.gethostname()}/{namespace.stat().st_ino}"
    except OSError:
        return socket.gethostname()


def _start_time(pid: int) -> str | None:
    """Tell when a process started; None if it has ended, be it a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _portable_start_time(pid)
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[_START_TIME_FIELD]


def _portable_start_time(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except psutil.Error:
        return None
