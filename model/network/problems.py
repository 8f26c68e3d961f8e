"""What pydantic finds wrong, as one line that names the fields."""

from pydantic import ValidationError
from pydantic_core import ArgsKwargs

MAX_SHOWN = 5


def problems_of(error: ValidationError, where: str) -> str:
    """Name each wrong field by its path below `where`, and say what it must be."""
    found = error.errors(include_url=False)
    lines = []
    for problem in found[:MAX_SHOWN]:
        path = ".".join([where, *map(str, problem["loc"])])
        text = problem["msg"].removeprefix("Value error, ")
        text = text[:1].lower() + text[1:]
        if not isinstance(problem["input"], ArgsKwargs):  # All of it says nothing.
            text += f", got {problem['input']!r:.80}"
        lines.append(f"{path}: {text}")
    if len(found) > MAX_SHOWN:
        lines.append(f"and {len(found) - MAX_SHOWN} more")
    return "; ".join(lines)
