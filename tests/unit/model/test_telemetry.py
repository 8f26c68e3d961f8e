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


ONNX = """
import model
import onnxruntime
from onnx import TensorProto, helper

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
node = helper.make_node("Relu", ["x"], ["y"])
graph = helper.make_graph([node], "graph", ends[:1], ends[1:])
opset = helper.make_opsetid("", 17)
made = helper.make_model(graph, opset_imports=[opset], ir_version=9)
providers = ["CPUExecutionProvider"]
onnxruntime.InferenceSession(made.SerializeToString(), providers=providers)
"""


@pytest.mark.nightly
@pytest.mark.slow
def test_nobody_is_told_that_networks_are_exported(tmp_path: Path) -> None:
    done, heard = used(USE, tmp_path)

    assert done.stdout.split() == ["children", "0"]
    assert heard == []
    assert list(tmp_path.rglob("*")) == []  # no consent, no id of a client


@pytest.mark.slow
def test_nobody_is_told_that_onnx_runtime_is_used(tmp_path: Path) -> None:
    _, heard = used(ONNX, tmp_path)

    assert heard == []
    assert list(tmp_path.rglob("*")) == []  # no id of the machine, nothing to be sent


def used(
    program: str, home: Path
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a program whose proxy and home are ours; give what the proxy heard, too."""
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
        unset = (
            *("CI", "NNCF_CI", "NNCF_DEV", "NO_PROXY", "no_proxy"),
            *("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"),
        )
        environment = {
            **{name: value for name, value in os.environ.items() if name not in unset},
            **{"http_proxy": here, "https_proxy": here, "HOME": str(home)},
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        server.close()
    assert done.returncode == 0, done.stderr
    return done, heard
