"""Where the shared matches and parity vectors lie, if they are there."""

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPO = Path(__file__).resolve().parents[2] / "shared"


def shared_dir() -> Path | None:
    """Find the shared folder: `TOUCHLINE_SHARED`, else `../shared`; None if absent."""
    named = os.environ.get("TOUCHLINE_SHARED")
    folder = Path(named) if named else _BESIDE_THE_REPO
    return folder if folder.is_dir() else None


def shared_file(name: str) -> Path:
    """Return a shared file; skip the test that asks if it is not there."""
    folder = shared_dir()
    path = folder / name if folder else None
    if path is None or not path.is_file():
        pytest.skip(f"needs the shared file {name} (TOUCHLINE_SHARED)")
    return path
