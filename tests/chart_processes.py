"""The containers of the Helm chart as processes of this machine.

Command, arguments, variables and probes are the manifests', word for word. What only a
cluster has is put in its place: secrets and the pod's address are given, mounts are
folders, and the API's port is a free one.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helm_chart import Manifest

PATIENCE_S = 240.0
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Cluster:
    """What stands in for the cluster.

    Attributes:
        folder: in which each pod has its own folders.
        secrets: by name, each key with its value, or a file that is mounted.
        port: of the API, in place of 8000.
    """

    folder: Path
    secrets: Mapping[str, Mapping[str, str]]
    port: int


@dataclass
class Pod:
    """One pod's first container, as a process."""

    cluster: Cluster
    name: str
    container: Manifest
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the manifest, and of the image; none of this machine's."""
        found = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            # Where the package is not installed but run from its folder.
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "OMP_NUM_THREADS": "1",
        }
        for source in self.container.get("envFrom", []):
            found |= self.cluster.secrets[source["secretRef"]["name"]]
        for one in self.container["env"]:
            found[one["name"]] = self._value(one, found)
        found["TOUCHLINE_PORT"] = str(self.cluster.port)
        return found

    @property
    def command(self) -> list[str]:
        return [*self.container["command"], *self.container["args"]]

    def run(self, limit_s: float = PATIENCE_S) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return subprocess.run(
            self.command,
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run it until the block ends, and then end it as the kubelet does."""
        with (self.root / "log").open("wb") as log:
            process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(PATIENCE_S)

    @property
    def log(self) -> str:
        return (self.root / "log").read_text()

    def probe(self, name: str) -> bool:
        """Ask as the kubelet does: a command, or a request."""
        probe: dict[str, Any] = self.container[name]
        if "exec" in probe:
            done = subprocess.run(
                probe["exec"]["command"],
                env=self.environment,
                cwd=self.root,
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
            )
            return done.returncode == 0
        path = probe["httpGet"]["path"]
        try:
            url = f"http://127.0.0.1:{self.cluster.port}{path}"
            answer = httpx.get(url, timeout=30, trust_env=False)
        except httpx.HTTPError:
            return False
        return 200 <= answer.status_code < 400

    def wait_for(self, name: str) -> None:
        """Wait until a probe succeeds."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.probe(name):
            if time.monotonic() > deadline:
                pytest.fail(f"{self.name}: no {name}:\n{self.log[-3000:]}")
            time.sleep(0.5)

    def _value(self, one: Mapping[str, Any], so_far: Mapping[str, str]) -> str:
        if "value" in one:
            value: str = one["value"]
            for name, known in so_far.items():
                value = value.replace(f"$({name})", known)
            return self._on_this_machine(value)
        source = one["valueFrom"]
        if "fieldRef" in source:
            return "127.0.0.1"
        wanted = source["secretKeyRef"]
        return self.cluster.secrets[wanted["name"]][wanted["key"]]

    def _on_this_machine(self, value: str) -> str:
        """Put the pod's folders where the container's would be."""
        for mount in self.container["volumeMounts"]:
            path = mount["mountPath"]
            if value == path or value.startswith(f"{path}/"):
                return f"{self.root}{value}"
        return value


def make_pod(
    cluster: Cluster, name: str, spec: Manifest, *, mounted: Mapping[str, Path]
) -> Pod:
    """Make a pod's folders; `mounted` gives what is in the volumes of secrets."""
    (container,) = spec["containers"]
    root = cluster.folder / name
    for mount in container["volumeMounts"]:
        place = root / mount["mountPath"].lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if mount["name"] in mounted:
            shutil.copytree(mounted[mount["name"]], place)
        else:
            place.mkdir(exist_ok=True)
    return Pod(cluster, name, container, root)
