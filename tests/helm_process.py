"""Helm's library in a process of its own: a line of JSON asks, a line answers.

The library brings the runtime of another language along, whose signal handlers are not
for a process that runs other tests: such processes died later, at a signal of a child.
"""

import json
import sys
from typing import Any

import helm_python


def answer(request: dict[str, Any]) -> object:
    """Do what is asked for."""
    chart, values = request["chart"], request["values"]
    if request["verb"] == "lint":
        return helm_python.lint(chart, values, strict=True)
    with helm_python.Chart.load(chart) as loaded:
        # Rendering alone leaves the schema to whoever calls it.
        loaded.validate_schema(loaded.merge_values(values))
        return loaded.render(
            values,
            name=request["release"],
            namespace=request["namespace"],
            is_install=True,
        )


def main() -> None:
    """Answer one request after the other."""
    for line in sys.stdin:
        try:
            told: dict[str, object] = {"answer": answer(json.loads(line))}
        except helm_python.HelmError as exc:
            told = {"refused": str(exc)}
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
