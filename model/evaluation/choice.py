"""Which labels take part in a choice: of weights, of int8, of anything by a mean."""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

# With fewer events a label's measure is mostly chance.
ENOUGH_EVENTS = 50


class Labelled(Protocol):
    """An event of a label."""

    @property
    def label(self) -> str:
        """Name of the class."""


def labels_that_count(
    events: Iterable[Labelled], *, minimum: int = ENOUGH_EVENTS
) -> tuple[str, ...]:
    """Name the labels with at least `minimum` events, the most frequent first."""
    counts = Counter(event.label for event in events)
    found = [label for label, count in counts.items() if count >= minimum]
    return tuple(sorted(found, key=lambda label: (-counts[label], label)))
