"""What pydantic finds wrong, as one line that names the fields."""

from pydantic import ValidationError

MAX_SHOWN = 5


def problems_of(error: ValidationError, where: str) -> str:
    """Name each wrong field by its path below `where`, and say what it must be."""
    found = error.errors(include_url=False)
    lines = []
    for problem in found[:MAX_SHOWN]:
        path = ".".join([where, *map(str, problem["loc"])])
        text = problem["msg"].removeprefix("Value error, ")
        lines.append(
            f"{path}: {text[:1].lower()}{text[1:]}, got {problem['input']!r:.80}"
        )
    if len(found) > MAX_SHOWN:
        lines.append(f"and {len(found) - MAX_SHOWN} more")
    return "; ".join(lines)
