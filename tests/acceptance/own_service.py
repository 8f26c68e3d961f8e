"""A running service of a test's own, on a disk of its own if asked."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.acceptance.running import RunningService
from tests.services import missing, open_folder


@contextmanager
def own_service(
    environment: dict[str, str],
    *,
    disk: int | None = None,
    checkpoint: Path | None = None,
) -> Iterator[RunningService]:
    """Make a service in a folder of an awkward name; on a disk of its own if asked."""
    with open_folder() as folder:
        data_dir = folder / 'Müller, Hans "100%"'
        data_dir.mkdir()
        with small_disk(data_dir, disk) if disk else nullcontext():
            if checkpoint is not None:
                (data_dir / "models").mkdir()
                (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
            found = RunningService(
                data_dir,
                {
                    "TOUCHLINE_ENGINE": "openvino",
                    "TOUCHLINE_HEARTBEAT": "PT3S",
                    "TOUCHLINE_LEASE": "PT15S",
                    "TOUCHLINE_SWEEP_EVERY": "PT1S",
                    **environment,
                },
            )
            try:
                yield found
            finally:
                found.stop()


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """Mount a disk in memory; skip where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as exc:
        missing(f"a small disk cannot be mounted: {exc}")
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
