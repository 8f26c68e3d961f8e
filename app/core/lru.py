"""A bounded memory of one process: what was used last stays."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

Name = TypeVar("Name")
Value = TypeVar("Value")


class WeightedLru(Generic[Name, Value]):
    """Keeps values up to a total weight; threads may share it.

    A value that is heavier than all that may be kept is kept alone.
    """

    def __init__(self, max_weight: int) -> None:
        self._max_weight = max_weight
        self._kept: OrderedDict[Name, tuple[Value, int]] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def get(self, name: Name) -> Value | None:
        """Give what is kept under a name, and note that it was used."""
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                return None
            self._kept.move_to_end(name)
            return found[0]

    def put(self, name: Name, value: Value, *, weight: int) -> None:
        """Keep a value; what was unused longest goes to make room."""
        weight = max(weight, 1)
        with self._lock:
            if name in self._kept:
                self._weight -= self._kept.pop(name)[1]
            self._kept[name] = value, weight
            self._weight += weight
            while self._weight > self._max_weight and len(self._kept) > 1:
                _, (_, freed) = self._kept.popitem(last=False)
                self._weight -= freed

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)
