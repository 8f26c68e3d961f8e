"""The Helm chart's manifests keep to the schemas of Kubernetes and of KEDA."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import kubernetes_validate
import pytest

from tests.helm_chart import (
    CHART,
    VALUES_FILES,
    Manifest,
    of_kind,
    read_values,
    render,
)

pytestmark = pytest.mark.slow

VERSIONS = ("1.31.0", "1.34.0", "1.37.0")
KEDA = {"ScaledObject", "TriggerAuthentication"}


@pytest.fixture(scope="module", params=VALUES_FILES, ids=lambda path: path.stem)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(read_values(request.param))


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return render(read_values(CHART / "ci" / "everything.yaml"))


@pytest.fixture(scope="module", autouse=True)
def schemas() -> Iterator[None]:
    """Each schema of Kubernetes is read once, not once a manifest."""
    with pytest.MonkeyPatch.context() as patched:
        once = cache(kubernetes_validate.utils.schema_contents)
        patched.setattr(kubernetes_validate.utils, "schema_contents", once)
        yield


@pytest.fixture(scope="module")
def keda() -> Any:
    """KEDA's models, whose import takes seconds."""
    return import_module("cloudcoil.models.keda.v1alpha1")


@pytest.mark.parametrize("version", VERSIONS)
def test_each_manifest_keeps_to_kubernetes_schema(
    manifests: list[Manifest], version: str
) -> None:
    checked = [one for one in manifests if one["kind"] not in KEDA]

    for manifest in checked:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert len(checked) >= 5


def test_each_scaler_keeps_to_kedas_schema(
    manifests: list[Manifest], keda: Any
) -> None:
    for manifest in manifests:
        if manifest["kind"] in KEDA:
            model: Any = getattr(keda, manifest["kind"])
            read = model.model_validate(manifest)
            known = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
            assert known == manifest  # what KEDA does not know would be left out


def test_the_validators_notice_what_is_wrong(
    everything: list[Manifest], keda: Any
) -> None:
    deployment = of_kind(everything, "Deployment")["touchline-api"]
    wrong = {**deployment, "spec": {**deployment["spec"], "replicaz": 1}}
    scaled = of_kind(everything, "ScaledObject")["touchline-gpu"]
    odd = {**scaled, "spec": {**scaled["spec"], "maxReplicas": 1}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)
    known = keda.ScaledObject.model_validate(odd).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    assert known != odd
