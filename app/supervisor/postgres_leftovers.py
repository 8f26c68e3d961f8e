"""Processes that still use the files of a cluster, and how they are ended.

A killed postmaster leaves its backends for a moment, a killed `touchline serve` a whole
server. They are known by their working folder, which every Postgres process keeps in
its cluster: that holds however the path was spelled and wherever the folder was moved,
and it tells a server of another folder apart.
"""

import signal
from contextlib import suppress
from pathlib import Path

import psutil

from app.core.db.locate import PROGRAM, works_on
from app.core.errors import StartFailed

STOP_TIMEOUT_S = 8.0  # for a fast shutdown, which writes what is in memory
QUIT_TIMEOUT_S = 2.0  # for those that only have to go
SCANS = 3  # ending a server may uncover backends it left


def processes_of(data: Path) -> list[psutil.Process]:
    """List the Postgres processes that work on a cluster, backends included."""
    return [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] == PROGRAM and works_on(process, data)
    ]


def end_processes_of(data: Path) -> None:
    """End whatever works on a cluster, a whole server by a fast shutdown.

    Raises:
        StartFailed: something cannot be ended; names its process id.
    """
    for _ in range(SCANS):
        found = processes_of(data)
        if not found:
            return
        servers = [process for process in found if not _is_backend(process)]
        if servers:
            for server in servers:
                end_server(server)
        else:
            _end_backends(found)
    left = processes_of(data)
    if left:
        raise StartFailed(
            f"a Postgres of an earlier run still uses {data} "
            f"(process {left[0].pid}): end it, then start again"
        )


def end_server(server: psutil.Process) -> None:
    """Ask for a fast shutdown, then for an immediate one, then kill."""
    for number, patience_s in (
        (signal.SIGINT, STOP_TIMEOUT_S),
        (signal.SIGQUIT, QUIT_TIMEOUT_S),
        (signal.SIGKILL, QUIT_TIMEOUT_S),
    ):
        try:
            server.send_signal(number)
            server.wait(patience_s)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
        return


def _end_backends(backends: list[psutil.Process]) -> None:
    """End backends without a server: what they did is recovered from the log."""
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for backend in backends:
            with suppress(psutil.NoSuchProcess):
                backend.send_signal(number)
        if not psutil.wait_procs(backends, timeout=QUIT_TIMEOUT_S)[1]:
            return


def _is_backend(process: psutil.Process) -> bool:
    """Whether a process is a server's child: those call themselves `postgres: ROLE`."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return True
    return bool(words) and words[0].startswith(f"{PROGRAM}:")
