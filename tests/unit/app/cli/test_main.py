"""How errors of the command reach the user: one line on standard error."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from app.cli.main import main; main()"]


def run(
    *words: str | Path,
    data_dir: Path,
    out: str | None = None,
    command: Sequence[str] = COMMAND,
    **settings: str,
) -> tuple[int, str, list[str]]:
    """Type a command; returns its exit code, its output and its complaints."""
    own = {f"TOUCHLINE_{name}": value for name, value in settings.items()}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOUCHLINE_")
    }
    environment = {**kept, "TOUCHLINE_DATA_DIR": str(data_dir), **own}
    with open(out or os.devnull, "w") as target:  # noqa: PTH123  # a device
        done = subprocess.run(
            [*command, *map(str, words)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=target if out else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return done.returncode, done.stdout or "", done.stderr.splitlines()


@pytest.mark.slow
def test_a_verb_that_listens_to_nobody_needs_no_key(tmp_path: Path) -> None:
    code, listed, complaints = run("models", "list", data_dir=tmp_path, HOST="0.0.0.0")

    assert (code, complaints) == (0, [])
    assert listed


@pytest.mark.costly
@pytest.mark.slow
def test_a_verb_that_listens_needs_a_key(tmp_path: Path) -> None:
    code, _, complaints = run("api", data_dir=tmp_path, HOST="0.0.0.0")

    assert code == 1
    (line,) = complaints
    assert line.startswith("error: TOUCHLINE_HOST=0.0.0.0")
    assert "TOUCHLINE_API_KEY" in line


@pytest.mark.costly
@pytest.mark.slow
def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    code, _, complaints = run(
        "models", "list", data_dir=tmp_path, WEBHOOK_ALLOW_NETS="10.0.0.0/8,x"
    )

    assert code == 1
    assert complaints == [
        "error: TOUCHLINE_WEBHOOK_ALLOW_NETS: 'x' is no network: "
        "write it like 10.0.0.0/8, with commas between"
    ]


@pytest.mark.costly
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.slow
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    code, _, complaints = run("models", "list", data_dir=tmp_path, out="/dev/full")

    assert (code, complaints) == (1, ["error: No space left on device"])


@pytest.mark.costly
@pytest.mark.parametrize(
    ("package", "words", "complaint"),
    [
        ("av", ("spot", "a.mp4"), "error: av is not installed: "),
        ("openvino", ("serve",), "error: openvino is not installed, so no worker "),
        ("lightning", ("train", "c.yaml", "--data", "d", "--split", "s"), "error: l"),
    ],
)
@pytest.mark.slow
def test_a_package_of_an_extra_that_is_missing_is_one_line(
    tmp_path: Path, package: str, words: tuple[str, ...], complaint: str
) -> None:
    hide = f"import sys; sys.modules[{package!r}] = None; "
    command = [*COMMAND[:-1], hide + COMMAND[-1]]

    code, _, complaints = run(*words, data_dir=tmp_path, command=command)

    assert code == 1
    (line,) = complaints
    assert line.startswith(complaint)
    extra = "train" if package == "lightning" else "worker"
    assert line.endswith(f": pip install 'touchline[{extra}]'")
