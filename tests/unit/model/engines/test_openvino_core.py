"""Signals reach a process after models on OpenVINO came and went."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.model.engines.networks import ALL_OUTPUTS, exported_noise

pytestmark = [pytest.mark.slow, pytest.mark.costly]

PROGRAM = """
import gc, signal, sys
from pathlib import Path
from model.checkpoint.archive import Checkpoint
from model.engines.openvino_engine import open_runtime

checkpoint = Checkpoint.open(Path(sys.argv[1]))
models = [open_runtime(checkpoint, threads=1) for _ in range(2)]
while models:
    del models[0]
    gc.collect()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: print(signal.Signals(number).name))
    signal.raise_signal(number)
"""


def test_signals_are_heard_after_models_were_freed_in_the_order_of_their_loading(
    export_cache: Path,
) -> None:
    path = exported_noise(export_cache, outputs=ALL_OUTPUTS)

    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    assert ended.stdout.split() == ["SIGINT", "SIGTERM"]
