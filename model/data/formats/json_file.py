"""JSON files, with errors that name the file."""

import json
from pathlib import Path
from typing import Any

from model.errors import BadAnnotations


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        BadAnnotations: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BadAnnotations(f"{path} cannot be read as JSON: {exc}") from exc
