"""Importing and using the engines tells nobody: nothing leaves the process."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What exports, serving and 8 bits load, in a process that no test suite runs in.
USE = """
from model.engines import openvino_engine
import nncf
import openvino as ov
import torch
from openvino.tools import ovc
ov.convert_model(torch.nn.Linear(2, 2), example_input=torch.zeros(1, 2))
nncf.compress_weights
import multiprocessing
print("children", len(multiprocessing.active_children()))
"""


@pytest.mark.nightly
@pytest.mark.slow
def test_nobody_is_told_that_networks_are_exported(tmp_path: Path) -> None:
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def listen() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    heard.append(caller.recv(1024).decode(errors="replace"))

        threading.Thread(target=listen, daemon=True).start()
        here = f"http://127.0.0.1:{port}"
        unset = ("CI", "NNCF_CI", "NNCF_DEV", "NO_PROXY", "no_proxy")
        environment = {
            **{name: value for name, value in os.environ.items() if name not in unset},
            **{"http_proxy": here, "https_proxy": here, "HOME": str(tmp_path)},
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", USE],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        server.close()

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["children", "0"]
    assert heard == []
    assert list(tmp_path.rglob("*")) == []  # no consent, no id of a client
