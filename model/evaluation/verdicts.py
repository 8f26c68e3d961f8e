"""What a comparison of models comes to, in plain words."""

import math
from collections.abc import Sequence

from model.evaluation.compare import Difference, ModelComparison, TypeComparison


def verdict_text(found: ModelComparison, models: Sequence[str]) -> str:
    """Say in a sentence or two which model is better for what."""
    said = [_against(found, models[0], other) for other in models[1:]]
    return " ".join(said)


def type_text(one: TypeComparison, difference: Difference) -> str:
    """Say how the first model does for one type."""
    events = _events(one.events)
    if difference.outcome == "too_few":
        return f"too little to judge {one.label}: {events}"
    if difference.outcome == "no_difference":
        return f"no difference seen for {one.label}: {events}"
    now = {figures.model: figures for figures in one.models}
    before, after = now[difference.against], now[difference.model]
    return (
        f"{difference.outcome} for {one.label}: AP {_rounded(before.ap.value)} -> "
        f"{_rounded(after.ap.value)}, F1 {_rounded(before.f1.value)} -> "
        f"{_rounded(after.f1.value)}; {events}"
    )


def _against(found: ModelComparison, model: str, other: str) -> str:
    differences = [
        (one, difference)
        for one in found.types
        for difference in one.differences
        if difference.against == other
    ]
    if not differences:
        return f"{model} and {other} know no type in common that could be judged."
    parts: list[str] = []
    for outcome in ("better", "worse", "no_difference", "too_few"):
        of_outcome = [one for one, d in differences if d.outcome == outcome]
        if not of_outcome:
            continue
        names = [one.label for one in of_outcome]
        counted = [f"{one.label} ({_events(one.events)})" for one in of_outcome]
        parts.append(
            {
                "better": f"better for {_listed(names)}",
                "worse": f"worse for {_listed(names)}",
                "no_difference": f"no difference seen for {_listed(counted)}",
                "too_few": f"too little to judge {_listed(counted)}",
            }[outcome]
        )
    return f"{model} against {other}: {', '.join(parts)}."


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _rounded(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
