"""Waiting for what takes a while, never longer than allowed."""

import math
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from touchline.client.errors import ClientError, JobFailed, WaitTimeout
from touchline.client.records import Job, JobError
from touchline.client.transport import is_transient, retry_after_of

FIRST_POLL_S, LONGEST_POLL_S = 0.2, 5.0


class Pollable(Protocol):
    """What ends at some time."""

    @property
    def is_final(self) -> bool: ...


class MadeByJob(Pollable, Protocol):
    """What a job makes."""

    @property
    def id(self) -> str: ...

    @property
    def job_id(self) -> str | None: ...

    @property
    def status(self) -> str: ...

    @property
    def error(self) -> JobError | None: ...


T = TypeVar("T", bound=Pollable)
M = TypeVar("M", bound=MadeByJob)


def wait_until_final(
    look: Callable[[], T],
    *,
    what: str,
    timeout_s: float | None,
    on_progress: Callable[[T], object] | None,
    away_s: float | None = None,
) -> T:
    """Look again and again, more and more seldom.

    A service that is away meanwhile is waited for within the same time, or for
    `away_s` at a stretch; `look` asks once, without retries.

    Raises:
        WaitTimeout: it has not ended in time.
        ClientError: the service has been away for too long.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    pause_s = FIRST_POLL_S
    last: ClientError | None = None
    heard_at = time.monotonic()
    while True:
        asked_s = 0.0
        try:
            found = look()
        except ClientError as problem:
            silent_s = time.monotonic() - heard_at
            if not is_transient(problem) or (away_s is not None and silent_s > away_s):
                raise
            last, asked_s = problem, retry_after_of(problem) or 0.0
        else:
            last, heard_at = None, time.monotonic()
            if on_progress is not None:
                on_progress(found)
            if found.is_final:
                return found
        left_s = math.inf if deadline is None else deadline - time.monotonic()
        if left_s <= 0:
            why = f": {last}" if last else ""
            raise WaitTimeout(f"{what} has not ended in {timeout_s:g} seconds{why}")
        time.sleep(min(max(pause_s, asked_s), left_s))
        pause_s = min(pause_s * 1.5, LONGEST_POLL_S)


def wait_until_made(
    look: Callable[[], M],
    *,
    what: str,
    timeout_s: float | None,
    on_progress: Callable[[M], object] | None,
    job_of: Callable[[str], Job],
) -> M:
    """Wait for what a job makes, as `wait_until_final` does.

    Args:
        what: a noun for messages.
        job_of: looks at a job.

    Raises:
        JobFailed: it failed, or was canceled.
        WaitTimeout: it has not ended in time.
    """
    found = wait_until_final(
        look, what=what, timeout_s=timeout_s, on_progress=on_progress
    )
    if found.status != "succeeded":
        why = f": {found.error.detail}" if found.error else ""
        message = f"{what} ended as {found.status}{why}"
        raise JobFailed(message, job_of(str(found.job_id)))
    return found
