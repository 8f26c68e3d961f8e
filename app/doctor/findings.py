"""What `touchline doctor` found of one part, and how it is written."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from app.core.errors import TouchlineError


class State(StrEnum):
    """How a part is."""

    OK = "ok"
    WARNING = "warning"  # it works, or nobody needs it yet
    PROBLEM = "problem"  # something is broken


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        part: what was looked at, a word or two.
        words: what was found.
        remedy: what to do; empty if all is well.
    """

    part: str
    state: State
    words: str
    remedy: str = ""


def ok(part: str, words: str) -> Finding:
    """Say that a part is well."""
    return Finding(part, State.OK, words)


def warning(part: str, words: str, remedy: str) -> Finding:
    """Say what may become trouble."""
    return Finding(part, State.WARNING, words, remedy)


def problem(part: str, words: str, remedy: str) -> Finding:
    """Say what is broken."""
    return Finding(part, State.PROBLEM, words, remedy)


Check = Callable[[], Finding | Iterable[Finding]]


def run_checks(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Run checks one after the other; one that fails itself is a problem of its part.

    Args:
        checks: each with the name of its part.
    """
    for part, check in checks:
        try:
            found = check()
            yield from [found] if isinstance(found, Finding) else found
        except TouchlineError as exc:  # It says itself what to do.
            yield problem(part, _one_line(exc), "correct what this names")
        except PermissionError as exc:
            words = f"{exc.filename or 'something'} may not be looked at"
            yield problem(part, words, "run this as the user of the service")
        except Exception as exc:  # noqa: BLE001  # one check must not hide the others
            words = f"the check failed: {type(exc).__name__}: {_one_line(exc)}"
            yield problem(part, words, "report this as a fault of Touchline")


def worst_of(findings: Sequence[Finding]) -> State:
    """Tell the worst state among findings."""
    order = list(State)
    return max((one.state for one in findings), key=order.index, default=State.OK)


def to_line(finding: Finding) -> str:
    """Write a finding for people."""
    words = f"{finding.words}: {finding.remedy}" if finding.remedy else finding.words
    return f"{finding.state:<8} {finding.part:<17} {' '.join(words.split())}"


def to_json(findings: Sequence[Finding]) -> str:
    """Write findings for programs: the worst state, and all of them."""
    told = {"state": worst_of(findings), "checks": [asdict(one) for one in findings]}
    return json.dumps(told, indent=2, ensure_ascii=False)


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())
