"""The results of a benchmark's runs, one JSON object a line: it goes on from there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = ("experiment", "start", "choice", "seed", "minutes", "recipe")


@dataclass(frozen=True, slots=True)
class Results:
    """A file of results.

    Attributes:
        path: of the file; it need not be there.
    """

    path: Path

    def rows(self, **wanted: Any) -> list[dict[str, Any]]:
        """Give the rows that have these values, as they were measured."""
        return [
            row
            for row in self._read()
            if all(row.get(name) == value for name, value in wanted.items())
        ]

    def find(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Find the newest row of a run; None: it has not been made."""
        rows = self.rows(**{name: key.get(name) for name in KEY})
        return rows[-1] if rows else None

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _read(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # torn by a kill
