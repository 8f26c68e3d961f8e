"""The Helm chart, rendered by Helm itself, as manifests."""

import atexit
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Any

import yaml

from tests.services import missing

CHART = Path(__file__).parents[1] / "docker" / "helm" / "touchline"
VALUES_FILES = sorted((CHART / "ci").glob("*.yaml"))
RELEASE, NAMESPACE = "touchline", "video"
PATIENCE_S = 300

Manifest = dict[str, Any]


def read_values(path: Path) -> dict[str, Any]:
    """Read a values file."""
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


class ChartRefused(Exception):
    """The chart refuses the values; the message says why."""


def render(values: Mapping[str, Any], *, release: str = RELEASE) -> list[Manifest]:
    """Render the chart for an installation.

    Skips (in CI: fails) where Helm's library is not there.

    Raises:
        ChartRefused: the chart refuses the values.
    """
    rendered = _ask_helm("render", values, release=release, namespace=NAMESPACE)
    return [
        manifest
        for path, text in rendered.items()
        if path.endswith(".yaml")
        for manifest in yaml.safe_load_all(text)
        if manifest
    ]


def lint(values: Mapping[str, Any]) -> dict[str, Any]:
    """Have Helm look for faults, strictly."""
    return _ask_helm("lint", values)


def _ask_helm(verb: str, values: Mapping[str, Any], **more: str) -> dict[str, Any]:
    if find_spec("helm_python") is None:
        missing("no Helm: pip install helm-python-sdk")
    request = {"verb": verb, "chart": str(CHART), "values": dict(values), **more}
    told: dict[str, Any] = json.loads(_answer_of_helm(json.dumps(request)))
    if "refused" in told:
        raise ChartRefused(told["refused"])
    answer: dict[str, Any] = told["answer"]
    return answer


@cache
def _answer_of_helm(request: str) -> str:
    """Ask a process that goes on; what was asked before is answered as before."""
    helm = _helm()
    if helm.stdin is None or helm.stdout is None:
        raise RuntimeError("Helm's process was started without pipes")
    watchdog = Timer(PATIENCE_S, helm.kill)
    watchdog.start()
    try:
        helm.stdin.write(f"{request}\n")
        helm.stdin.flush()
        line = helm.stdout.readline()
    finally:
        watchdog.cancel()
    if not line:
        _helm.cache_clear()
        raise RuntimeError(f"Helm's process ended with {helm.wait()}; see its stderr")
    return line


@cache
def _helm() -> "subprocess.Popen[str]":
    helm = subprocess.Popen(
        [sys.executable, "-m", "tests.helm_process"],
        cwd=CHART.parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_end, helm)
    return helm


def _end(helm: "subprocess.Popen[str]") -> None:
    helm.kill()
    helm.wait()
    for pipe in (helm.stdin, helm.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Pick those of a kind, by name."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Pick the pod specs, by the name of what makes the pods."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in manifests
        if one["kind"] in ("Deployment", "Job")
    }


def containers(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Pick the containers, each with the name of what makes its pod."""
    for name, spec in pods(manifests).items():
        for container in spec["containers"]:
            yield name, container


def wanted_workers(manifests: list[Manifest], name: str) -> str:
    """Pick the statement by which KEDA asks how many workers of a kind are wanted."""
    (trigger,) = of_kind(manifests, "ScaledObject")[name]["spec"]["triggers"]
    query: str = trigger["metadata"]["query"]
    return query
