"""How long a webhook message waits after a failed attempt, and its endpoint too."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Waits after the first, second, ... failed attempt: ten attempts in some three days.
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 60, 300, 1800, 7200, 18000, 36000, 72000, 108000)
)
JITTER = 0.2  # a wait is stretched by up to this share, so that retries spread out
MAX_RETRY_AFTER = timedelta(days=1)
MAX_DATE_CHARS = 100
FIRST_PAUSE = timedelta(seconds=5)  # after a timeout; doubled by each one more
LONGEST_PAUSE = timedelta(minutes=10)


def next_wait(
    attempt: int, *, retry_after: timedelta | None, allowed: int = len(WAITS) + 1
) -> timedelta | None:
    """Tell how long to wait after failed attempt number `attempt`; None: give up.

    `Retry-After` can only lengthen a wait, and not beyond a day.
    """
    if attempt >= allowed:
        return None
    wait = WAITS[min(attempt, len(WAITS)) - 1]
    wait *= random.uniform(1, 1 + JITTER)  # noqa: S311  # no secret
    if retry_after is None:
        return wait
    return max(wait, min(retry_after, MAX_RETRY_AFTER))


def read_retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date; None if it is neither.

    Whatever it holds, the wait is between nothing and `MAX_RETRY_AFTER`.
    """
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        digits = value.lstrip("0") or "0"
        if len(digits) > len(str(MAX_RETRY_AFTER // timedelta(seconds=1))):
            return MAX_RETRY_AFTER
        return min(timedelta(seconds=int(digits)), MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(value[:MAX_DATE_CHARS])
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        wait = until - now
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)


def pause_after(slow_streak: int) -> timedelta:
    """Tell how long an endpoint rests after its last attempts timed out."""
    return min(FIRST_PAUSE * (1 << min(slow_streak - 1, 16)), LONGEST_PAUSE)
