"""Ends an API or a Postgres that hangs: its process is there, but it does not answer.

Workers send heartbeats, see `heartbeat_watch`; these two are asked. One that ends or
refuses is no affair of this watch: what has ended is started again by the supervisor.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

import psycopg

from app.supervisor.processes import ChildProcess
from app.supervisor.supervision import SupervisedProcess

PAUSE_S = 2.0  # between two looks
TIMEOUT_S = 5.0  # of one question; psycopg takes whole seconds
START_LIMIT_S = 180.0  # for the first answer of a start, on the slowest machine
LONGEST_LOOK_S = PAUSE_S + 2 * TIMEOUT_S  # what a look may count for


class AnswerWatch:
    """Asks now and then, and kills who has not answered for too long.

    A silence counts from look to look, each for no more than it should take: a machine
    that slept is no trouble of the process. Whoever has not answered yet may still
    start, and has minutes for that.
    """

    def __init__(
        self,
        supervised_processes: Iterable[SupervisedProcess],
        *,
        limit_s: float,
        report_line: Callable[[str], None],
    ) -> None:
        self._supervised_processes = supervised_processes
        self._limit_s, self._report_line = limit_s, report_line
        self._silent_s: dict[int, float] = {}  # by group
        self._answered: set[int] = set()  # those that have, since their start

    def look(self, *, passed_s: float) -> None:
        """Ask each once; what was silent for too long is killed, to be started again.

        All are asked at the same time: one that hangs does not delay the others.

        Args:
            passed_s: the time since the look before.
        """
        silent_s: dict[int, float] = {}
        for part, has_answered in self._ask_all():
            if has_answered:
                silent_s[part.group] = 0.0
                self._answered.add(part.group)
                continue
            silent_s[part.group] = self._silent_s.get(part.group, 0.0) + passed_s
            if silent_s[part.group] >= self._limit_of(part):
                self._end(part, silent_s[part.group])
        self._silent_s = silent_s
        self._answered &= silent_s.keys()

    def _limit_of(self, part: ChildProcess) -> float:
        if part.group in self._answered:
            return self._limit_s
        return max(self._limit_s, START_LIMIT_S)

    def _ask_all(self) -> list[tuple[ChildProcess, bool]]:
        asked: list[tuple[ChildProcess, Callable[[], bool]]] = []
        for supervised in list(self._supervised_processes):
            part = supervised.part
            if part is not None and part.spec.answers is not None:
                asked.append((part, part.spec.answers))
        if not asked:
            return []
        with ThreadPoolExecutor(len(asked), "answer-watch") as pool:
            answers = [pool.submit(answers) for _, answers in asked]
        return [
            (part, answer.result())
            for (part, _), answer in zip(asked, answers, strict=True)
        ]

    def _end(self, part: ChildProcess, silent_s: float) -> None:
        if part.identity is None or part.identity.is_dead:
            return
        title = part.spec.title
        self._report_line(f"{title} has not answered for {silent_s:.0f} s; ending it")
        with suppress(ProcessLookupError):
            os.kill(part.group, signal.SIGKILL)


def start_answer_watch(
    supervised_processes: Iterable[SupervisedProcess],
    *,
    limit_s: float,
    report_line: Callable[[str], None],
    stop: threading.Event,
) -> threading.Thread:
    """Look every few seconds, in a thread of its own: answers may take long."""
    watch = AnswerWatch(supervised_processes, limit_s=limit_s, report_line=report_line)

    def go_on() -> None:
        last = time.monotonic()
        while not stop.wait(PAUSE_S):
            now = time.monotonic()
            watch.look(passed_s=min(now - last, LONGEST_LOOK_S))
            last = now

    thread = threading.Thread(target=go_on, name="answer-watch", daemon=True)
    thread.start()
    return thread


def answers_http(port: int) -> bool:
    """Whether an API process answers on a port of this machine; any status will do.

    A connection that is refused or cut off counts: the process ends, or is away.
    """
    # A client of httpx loads certificates first, each time.
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except TimeoutError:
        return False
    except (OSError, HTTPException):
        return True
    finally:
        connection.close()
    return True


def answers_postgres(url: str) -> bool:
    """Whether a Postgres answers a new connection; a refusal is an answer."""
    try:
        psycopg.connect(url, connect_timeout=int(TIMEOUT_S)).close()
    except psycopg.errors.ConnectionTimeout:
        return False
    except psycopg.Error:
        return True
    return True
