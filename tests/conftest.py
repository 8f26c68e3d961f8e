"""Fixtures every suite shares, and how tests are dealt to several processes."""

import gc
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.azure_server import AzureOfTests, running_azure
from tests.s3_server import S3OfTests, running_s3
from tests.scheduling import pytest_xdist_make_scheduler
from tests.shared_data import shared_dir

__all__ = ["pytest_xdist_make_scheduler"]

if "PYTEST_XDIST_WORKER" in os.environ:
    # One thread for each of the processes: pools of them would fight for the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that runs this in the background has it ignore Ctrl-C, and all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup` has ignored, too

MOST_PROCESSES = 5


QUICK = "not slow"  # what `make test-unit` asks for
SLOW_FILE = re.compile(r"^pytestmark = \[?pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(
    collection_path: Path, config: pytest.Config
) -> Literal[True] | None:
    """Read no file whose tests are all slow when slow ones are left out.

    To import what they use, torch and Lightning, takes seconds in each process.
    """
    if config.option.markexpr != QUICK or collection_path.suffix != ".py":
        return None
    return True if SLOW_FILE.search(collection_path.read_text()) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage neither while modules are imported nor among them later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run two processes more than there are cores: many tests wait for others.

    Each may take a gigabyte of memory. Quick tests wait for nobody, and each process
    imports all that they use.
    """
    cores = os.cpu_count() or 1
    is_quick = config.option.markexpr == QUICK
    return min(cores if is_quick else cores + 2, MOST_PROCESSES)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared matches and vectors, or a skip that says so."""
    folder = shared_dir()
    if folder is None:
        pytest.skip("shared matches are not here: set TOUCHLINE_SHARED to their folder")
    return folder


@pytest.fixture(scope="session")
def s3() -> Iterator[S3OfTests]:
    """The session's S3 server."""
    with running_s3() as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[AzureOfTests]:
    """The session's server of Azure's blobs."""
    with running_azure() as server:
        yield server
