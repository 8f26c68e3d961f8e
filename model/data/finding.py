"""Something that is wrong with a data set."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a data set.

    Attributes:
        match: where; or the names of two matches.
        kind: stable name of the fault.
        text: what it is and what to do.
        is_fatal: training on it would be wrong, not merely poorer.
    """

    match: str
    kind: str
    text: str
    is_fatal: bool = True
