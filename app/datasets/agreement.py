"""Whether people agree: events that two or more of them have decided.

Who looks at a decision and leaves it as it is leaves no line in the log, so that this
counts only events that somebody changed after somebody else: agreement is no better
than what it says.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SAME_S = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the last author's word compares with the one before, event by event.

    Attributes:
        decided_twice: events that two or more authors have decided.
        kept_verdict: of those, how many both take for an event, or both do not.
        kept_type: of those that both take for an event, how many both give one type.
        within_s: of those of one type, how many lie within half a second.
    """

    decided_twice: int = 0
    kept_verdict: int = 0
    kept_type: int = 0
    within_s: int = 0

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(
            self.decided_twice + other.decided_twice,
            self.kept_verdict + other.kept_verdict,
            self.kept_type + other.kept_type,
            self.within_s + other.within_s,
        )


def agreement_in(history: Iterable[Mapping[str, Any]]) -> Agreement:
    """Compare the last words of the last two authors of each event.

    Args:
        history: lines of the log as the API has them, the oldest first, with
            `event_id`.
    """
    words: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for line in history:
        after = line["after"]
        of_event = words[str(line["event_id"])]
        of_event.pop(line["author"], None)  # so that the last to speak comes last
        if after is not None:
            of_event[line["author"]] = after
    found = Agreement()
    for by_author in words.values():
        if len(by_author) >= 2:
            one, other = list(by_author.values())[-2:]
            found += _compare(one, other)
    return found


def _compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> Agreement:
    is_event = one["state"] != "rejected", other["state"] != "rejected"
    is_same_verdict = is_event[0] == is_event[1]
    is_same_type = all(is_event) and one["type"] == other["type"]
    is_near = is_same_type and abs(one["time_s"] - other["time_s"]) <= SAME_S
    return Agreement(1, int(is_same_verdict), int(is_same_type), int(is_near))
