"""Ends an API or a Postgres that hangs: its process is there, but it does not answer.

Workers send heartbeats, see `heartbeat_watch`; these two are asked. One that ends or
refuses is no affair of this watch: what has ended is started again by the supervisor.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

import httpx
import psycopg

from app.supervisor.processes import ChildProcess
from app.supervisor.supervision import SupervisedProcess

LOOK_EVERY_S = 5.0
TIMEOUT_S = 5.0  # of one question; psycopg takes whole seconds
SHORTEST_LIMIT_S = 30.0  # a busy machine answers late


class AnswerWatch:
    """Asks now and then, and kills who has not answered for too long.

    A silence counts from look to look, each for no more than it should take: a machine
    that slept is no trouble of the process. Whoever has not answered yet is left alone:
    it may still start.
    """

    def __init__(
        self,
        supervised_processes: Iterable[SupervisedProcess],
        *,
        limit_s: float,
        say: Callable[[str], None],
    ) -> None:
        self._supervised_processes = supervised_processes
        self._limit_s, self._say = limit_s, say
        self._silent_s: dict[int, float] = {}  # of those that have answered, by group

    def look(self, *, passed_s: float) -> None:
        """Ask each once; what was silent for too long is killed, to be started again.

        Args:
            passed_s: the time since the look before.
        """
        silent_s: dict[int, float] = {}
        for supervised in list(self._supervised_processes):
            part = supervised.part
            if part is None or part.spec.answers is None:
                continue
            if part.spec.answers():
                silent_s[part.group] = 0.0
            elif part.group in self._silent_s:
                silent_s[part.group] = self._silent_s[part.group] + passed_s
                if silent_s[part.group] >= self._limit_s:
                    self._end(part, silent_s[part.group])
        self._silent_s = silent_s

    def _end(self, part: ChildProcess, silent_s: float) -> None:
        if part.identity is None or part.identity.is_dead:
            return
        title = part.spec.title
        self._say(f"{title} has not answered for {silent_s:.0f} s; ending it")
        with suppress(ProcessLookupError):
            os.kill(part.group, signal.SIGKILL)


def start_answer_watch(
    supervised_processes: Iterable[SupervisedProcess],
    *,
    limit_s: float,
    say: Callable[[str], None],
    stop: threading.Event,
) -> threading.Thread:
    """Look every few seconds, in a thread of its own: answers may take long."""
    watch = AnswerWatch(supervised_processes, limit_s=limit_s, say=say)

    def go_on() -> None:
        while not stop.wait(LOOK_EVERY_S):
            watch.look(passed_s=LOOK_EVERY_S)

    thread = threading.Thread(target=go_on, name="answer-watch", daemon=True)
    thread.start()
    return thread


def answers_http(port: int) -> bool:
    """Whether an API process answers on a port of this machine; any status will do.

    A connection that is refused or cut off counts: the process ends, or is away.
    """
    url = f"http://127.0.0.1:{port}/healthz"
    try:
        httpx.get(url, timeout=TIMEOUT_S, trust_env=False)
    except httpx.TimeoutException:
        return False
    except httpx.HTTPError:
        return True
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
