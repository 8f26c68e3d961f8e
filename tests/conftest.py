"""Fixtures every suite shares."""

from pathlib import Path

import pytest

from tests.shared_data import shared_dir


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared matches and vectors, or a skip that says so."""
    folder = shared_dir()
    if folder is None:
        pytest.skip("shared matches are not here: set TOUCHLINE_SHARED to their folder")
    return folder
