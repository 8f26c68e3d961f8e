"""Other names for labels of a data set, kept beside them; no label file is changed."""

import json
from collections.abc import Mapping
from pathlib import Path

from model.errors import BadAnnotations

RENAME_FILE = "touchline-rename.json"
FORMAT = "touchline-rename"


def read_renaming(folder: Path) -> dict[str, str]:
    """Read the names that labels of a data set are given; none if there is no file.

    Raises:
        BadAnnotations: the file is not of that form.
    """
    path = folder / RENAME_FILE
    if not path.is_file():
        return {}
    try:
        raw = json.loads(path.read_bytes())
        names = {str(old): str(new) for old, new in raw["rename"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise BadAnnotations(
            f"{path} is no file of `touchline data rename`: {exc!r}"
        ) from exc
    return names


def renaming_text(names: Mapping[str, str]) -> str:
    """Give the content of the file."""
    raw = {"format": FORMAT, "rename": dict(names)}
    return json.dumps(raw, indent=2, ensure_ascii=False) + "\n"
