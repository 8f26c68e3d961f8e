"""Fixtures every suite shares, and how tests are dealt to several processes."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import shared_dir

if "PYTEST_XDIST_WORKER" in os.environ:
    # One thread for each of the processes: pools of them would fight for the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Keep a file's tests in one process, and all those of the running service.

    So what a file or the service makes once is made once; Postgres and Redis start
    once a process.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFileOrService(LoadFileScheduling):  # type: ignore[misc]  # untyped
        def _split_scope(self, nodeid: str) -> str:
            service = "tests/acceptance/"
            return service if nodeid.startswith(service) else nodeid.split("::")[0]

    return ByFileOrService(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared matches and vectors, or a skip that says so."""
    folder = shared_dir()
    if folder is None:
        pytest.skip("shared matches are not here: set TOUCHLINE_SHARED to their folder")
    return folder
