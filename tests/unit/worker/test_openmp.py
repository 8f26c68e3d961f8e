"""How threads of torch wait for each other in a worker's processes."""

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.costly, pytest.mark.slow]


@pytest.mark.parametrize(
    ("chosen", "spins"), [({}, "0"), ({"GOMP_SPINCOUNT": "7"}, "7")]
)
def test_threads_sleep_while_they_wait_unless_the_operator_chose(
    chosen: dict[str, str], spins: str
) -> None:
    kept = {key: text for key, text in os.environ.items() if "OMP_" not in key}

    done = subprocess.run(
        [sys.executable, "-c", "import worker.main\nimport torch"],
        env={**kept, **chosen, "OMP_DISPLAY_ENV": "VERBOSE"},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr
