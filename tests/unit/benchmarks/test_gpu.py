"""The GPU benchmark: all of it runs on a processor, and a missing card is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import NO_CARD
from model.engines.torch_engine import has_cuda

REPO = Path(__file__).parents[3]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *arguments],
        cwd=REPO,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(has_cuda(), reason="there is a GPU here")
def test_without_a_card_it_says_so_and_measures_nothing() -> None:
    done = run()

    assert done.returncode == 2
    assert done.stderr.strip().endswith(NO_CARD)
    assert done.stdout == ""


@pytest.mark.nightly
@pytest.mark.slow
def test_a_dry_run_prints_the_whole_table_and_what_was_not_run() -> None:
    done = run("--device", "cpu", "--frames", "10", "--size", "64x48", "--chunk", "4")

    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    titles = [line.split("|")[1].strip() for line in rows]
    assert len([t for t in titles if t.startswith("decode ")]) == 3
    assert sum("trunk" in title for title in titles) == 4
    assert "dry run on the processor" in done.stdout
