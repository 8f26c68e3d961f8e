"""The API asks for as many open files as its connections may need."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("soft", "hard", "open_files", "connections"),
    [
        (300, 4000, 3256, 1000),  # raised to what is needed
        (300, 1156, 1156, 300),  # as far as is allowed, with fewer connections
        (200, 200, 200, 1),  # always one
        (4000, 4000, 4000, 1000),  # left alone
    ],
)
@pytest.mark.slow
def test_the_limit_of_open_files_is_raised(
    soft: int, hard: int, open_files: int, connections: int
) -> None:
    code = (
        "import resource as r\n"
        "from app.core.http.server import HttpLimits, allow_open_files\n"
        f"r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "limits = allow_open_files(HttpLimits(connections=1000))\n"
        "print(r.getrlimit(r.RLIMIT_NOFILE)[0], limits.connections)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == f"{open_files} {connections}"
