"""Half-done checksums of objects that grow, kept in memory between two requests.

A hash under way cannot be written down (hashlib's have no such form), so it is lost
with its process, and then the object is read once more at its end.
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

MOST = 256  # of about 200 bytes each; the one that was not asked for longest goes


@dataclass(slots=True)
class RunningHash:
    """The SHA-256 of an object's first bytes."""

    size_bytes: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)

    def update(self, data: bytes) -> None:
        """Add what came next."""
        self.sha256.update(data)
        self.size_bytes += len(data)

    def copy(self) -> "RunningHash":
        """Remember this state."""
        return RunningHash(self.size_bytes, self.sha256.copy())


class HashStates:
    """The hashes under way of one process, by key."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._states: OrderedDict[str, RunningHash] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, size_bytes: int) -> RunningHash | None:
        """Take the hash of exactly so many first bytes; None if there is none."""
        with self._lock:
            state = self._states.pop(key, None)
        if size_bytes == 0:
            return RunningHash()
        return state if state is not None and state.size_bytes == size_bytes else None

    def keep(self, key: str, state: RunningHash) -> None:
        """Keep a hash for the next request."""
        with self._lock:
            self._states[key] = state
            while len(self._states) > self._most:
                self._states.popitem(last=False)
