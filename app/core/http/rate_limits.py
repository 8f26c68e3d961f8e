"""How many requests a key may send in a minute: a bucket of tokens for each key.

Each API process counts by itself, so several of them let through as many times more.
"""

import math
import time
from collections.abc import Callable

from app.core.errors import TooManyRequests
from app.core.principal import Principal

WINDOW_S = 60.0
MAX_BUCKETS = 10_000  # the one that was used longest ago goes


class RateLimits:
    """The buckets of all keys; used on the event loop alone.

    A bucket holds a minute's requests, so that a burst is let through, and fills
    steadily.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, when they were

    def take(self, principal: Principal, *, default: int | None) -> None:
        """Take one request of a principal's.

        Args:
            default: most requests in a minute of a key that has no limit of its own.

        Raises:
            TooManyRequests: none is left.
        """
        limit = principal.rate_per_minute or default
        if limit is None or principal.kind != "key":
            return
        now = self._clock()
        tokens, then = self._buckets.pop(principal.id, (float(limit), now))
        per_second = limit / WINDOW_S
        tokens = min(float(limit), tokens + (now - then) * per_second)
        if tokens >= 1:
            self._keep(principal.id, tokens - 1, now)
            return
        self._keep(principal.id, tokens, now)
        wait_s = math.ceil((1 - tokens) / per_second)
        raise TooManyRequests(
            f"The key {principal.name!r} may send {limit} requests a minute; "
            f"try again in {wait_s} s.",
            retry_after_s=wait_s,
        )

    def _keep(self, key_id: str, tokens: float, now: float) -> None:
        self._buckets[key_id] = (tokens, now)
        if len(self._buckets) > MAX_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
