"""The Helm chart, rendered by Helm itself, as manifests."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.services import missing

CHART = Path(__file__).parents[1] / "docker" / "helm" / "touchline"
VALUES_FILES = sorted((CHART / "ci").glob("*.yaml"))
RELEASE, NAMESPACE = "touchline", "video"

Manifest = dict[str, Any]


def read_values(path: Path) -> dict[str, Any]:
    """Read a values file."""
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


def render(values: Mapping[str, Any], *, release: str = RELEASE) -> list[Manifest]:
    """Render the chart for an installation.

    Skips (in CI: fails) where Helm's library is not there.

    Raises:
        helm_python.HelmError: the chart refuses the values; the message says why.
    """
    helm = helm_library()
    with helm.Chart.load(CHART) as chart:
        # Rendering alone leaves the schema to whoever calls it.
        chart.validate_schema(chart.merge_values(dict(values)))
        rendered = chart.render(
            dict(values), name=release, namespace=NAMESPACE, is_install=True
        )
    return [
        manifest
        for path, text in rendered.items()
        if path.endswith(".yaml")
        for manifest in yaml.safe_load_all(text)
        if manifest
    ]


def helm_library() -> Any:
    """Load Helm's library; it comes for some platforms alone."""
    try:
        import helm_python
    except ImportError:
        missing("no Helm: pip install helm-python-sdk")
    return helm_python


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
