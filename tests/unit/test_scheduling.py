"""A test process that dies costs one test; the others run, each once."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.costly]

PASSING = "def test_{name}(): pass\n"
DYING = "import os\ndef test_{name}(): os._exit(1)\n"


@pytest.mark.parametrize(
    ("processes", "files"),
    [
        pytest.param(1, ["pp", "pd"], id="its last test"),
        pytest.param(1, ["d", "p"], id="files of one test"),
        pytest.param(1, ["p"] * 6 + ["pdppp"], id="after whole files"),
        pytest.param(2, ["d", "d", "p", "dp", "pp"], id="several times"),
    ],
)
def test_what_a_dead_process_leaves_is_run(
    tmp_path: Path, files: list[str], processes: int
) -> None:
    for number, tests in enumerate(files):
        text = "".join(
            (DYING if kind == "d" else PASSING).format(name=f"{place}_{kind}")
            for place, kind in enumerate(tests)
        )
        (tmp_path / f"test_{number}.py").write_text(text)
    dying, passing = "".join(files).count("d"), "".join(files).count("p")

    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-c", "/dev/null"),
            *("-p", "xdist", "-p", "tests.scheduling", "-p", "no:cacheprovider"),
            *("-n", str(processes), "--no-loadscope-reorder", "--rootdir", ".", "."),
        ],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert f"{dying} failed, {passing} passed" in ended.stdout, ended.stdout
