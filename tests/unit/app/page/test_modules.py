"""The page's modules that need no browser: their tests are written in JavaScript."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services import missing

ROOT = Path(__file__).resolve().parents[4]
TESTS = sorted((ROOT / "tests" / "page").glob("*.test.mjs"))


def test_there_are_tests() -> None:
    assert TESTS


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_the_tests_of_a_module_pass(file: Path) -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules").is_dir():
        missing("node or node_modules is missing: sh scripts/node.sh")

    done = subprocess.run(
        [node, str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stdout + done.stderr
