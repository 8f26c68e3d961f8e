"""The Helm chart: every manifest is valid, safe, and fits the service it runs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.settings import Settings
from app.core.workers import WORKERS
from app.jobs.kinds import KINDS
from app.jobs.needs import offers_of
from scripts.chart_kinds import template
from tests.helm_chart import (
    CHART,
    VALUES_FILES,
    ChartRefused,
    Manifest,
    containers,
    lint,
    of_kind,
    pods,
    read_values,
    render,
)
from worker import background, pool
from worker.webhooks.sender import FINISH_S

LEAST = {"redis": {"url": "redis://r/0"}, "storage": {"url": "s3://videos"}}
ROOT = CHART.parents[2]


@pytest.fixture(scope="module", params=VALUES_FILES, ids=lambda path: path.stem)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(read_values(request.param))


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return render(read_values(CHART / "ci" / "everything.yaml"))


@pytest.mark.parametrize("path", VALUES_FILES, ids=lambda path: path.stem)
def test_helms_own_lint_finds_nothing(path: Path) -> None:
    found = lint(read_values(path))

    assert found["errors"] == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"storage": {"url": "s3://v"}}, "name the broker"),
        ({"redis": LEAST["redis"]}, "name where videos are kept"),
        ({**LEAST, "storage": {"url": "ftp://v"}}, "storage"),
        ({**LEAST, "database": {"url": "postgresql://me:secret@h/d"}}, "database"),
        ({**LEAST, "workers": {"gpu": {"replica": 2}}}, "replica"),
        ({**LEAST, "workers": {"tpu": {}}}, "tpu"),
        ({**LEAST, "config": {"PATH": "/"}}, "PATH"),
        (
            {**LEAST, "workers": {"gpu": {"terminationGracePeriodSeconds": 5}}},
            "terminationGracePeriodSeconds",
        ),
        (
            {
                **LEAST,
                "storage": {"url": "s3://v", "existingClaim": "c"},
            },
            "exclude each other",
        ),
        (
            {
                **LEAST,
                "workers": {
                    "live": {"enabled": True, "publicHost": "l", "replicas": 2},
                },
            },
            "one worker's address",
        ),
        ({**LEAST, "database": {"readUrl": "postgresql://r/d"}}, "readUrlKey"),
        (
            {**LEAST, "workers": {"gpu": {"keda": {"minReplicas": 5}}}},
            "minReplicas is more than",
        ),
        (
            {
                **LEAST,
                "workers": {
                    "background": {"keda": {"enabled": True, "minReplicas": 0}}
                },
            },
            "must be 1 at least",
        ),
        ({**LEAST, "networkPolicy": {"databasePorts": []}}, "databasePorts"),
        ({**LEAST, "database": {"url": "postgresql://a,b/d"}}, "KEDA takes one host"),
        ({**LEAST, "networkPolicy": {"storage": {"cidrs": []}}}, "cidrs"),
    ],
)
def test_values_that_make_no_service_are_refused_in_words(
    values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ChartRefused, match=words):
        render(values)


def test_pods_keep_to_the_restricted_standard(manifests: list[Manifest]) -> None:
    for spec in pods(manifests).values():
        security = spec["securityContext"]
        assert security["runAsNonRoot"]
        assert security["runAsUser"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False  # or TOUCHLINE_PORT is tcp://...
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all("hostPath" not in volume for volume in spec["volumes"])
    for _, container in containers(manifests):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


def test_what_is_mounted_is_there(manifests: list[Manifest]) -> None:
    for spec in pods(manifests).values():
        there = {volume["name"] for volume in spec["volumes"]}
        used = {m["name"] for c in spec["containers"] for m in c["volumeMounts"]}
        assert used == there


def test_each_container_but_the_migration_has_all_three_probes(
    manifests: list[Manifest],
) -> None:
    probes = {"startupProbe", "livenessProbe", "readinessProbe"}
    for name, container in containers(manifests):
        expected = set() if name.endswith("migrate") else probes
        assert probes & container.keys() == expected


def test_a_worker_is_given_the_time_to_put_its_job_back(
    everything: list[Manifest],
) -> None:
    longest = dict.fromkeys(WORKERS, pool.GIVE_BACK_S)
    longest["background"] = background.GIVE_BACK_S + 2 * FINISH_S

    for kind, needed_s in longest.items():
        grace_s = pods(everything)[f"touchline-{kind}"]["terminationGracePeriodSeconds"]
        assert grace_s > 1.5 * needed_s


def test_every_worker_of_the_service_can_be_had(everything: list[Manifest]) -> None:
    found = of_kind(everything, "Deployment").keys()

    assert found == {"touchline-api", *(f"touchline-{kind}" for kind in WORKERS)}


def test_variables_are_settings_of_the_service(everything: list[Manifest]) -> None:
    known = {f"TOUCHLINE_{name.upper()}" for name in Settings.model_fields}
    known.add("TOUCHLINE_STORAGE")

    for _, container in containers(everything):
        names = [one["name"] for one in container["env"]]
        ours = {name for name in names if name.startswith("TOUCHLINE_")}
        assert ours <= known
        assert len(names) == len(set(names))


def test_secrets_are_named_and_never_written(everything: list[Manifest]) -> None:
    for _, container in containers(everything):
        for one in container["env"]:
            if re.search("PASSWORD|KEY$|SECRET", one["name"]) and not one[
                "name"
            ].endswith("REDIS_KEY"):
                assert "secretKeyRef" in one["valueFrom"]
    assert of_kind(everything, "Secret") == {}


def test_selectors_meet_pods(manifests: list[Manifest]) -> None:
    labels = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in manifests
        if one["kind"] in ("Deployment", "Job")
    ]
    for one in manifests:
        wanted = {
            "Service": lambda spec: spec["selector"],
            "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
            "Deployment": lambda spec: spec["selector"]["matchLabels"],
        }.get(one["kind"])
        if wanted is not None:
            chosen = wanted(one["spec"]).items()
            assert any(chosen <= own.items() for own in labels), one["metadata"]


def test_what_scales_a_worker_leaves_its_number_alone(
    everything: list[Manifest],
) -> None:
    scaled = [
        *of_kind(everything, "ScaledObject").values(),
        *of_kind(everything, "HorizontalPodAutoscaler").values(),
    ]
    targets = [one["spec"]["scaleTargetRef"]["name"] for one in scaled]

    assert len(targets) == len(set(targets)) == 5
    for name, deployment in of_kind(everything, "Deployment").items():
        assert ("replicas" in deployment["spec"]) == (name not in targets)


def test_cards_are_asked_for_and_their_taint_is_tolerated(
    everything: list[Manifest],
) -> None:
    for kind in ("gpu", "train"):
        spec = pods(everything)[f"touchline-{kind}"]
        limits = spec["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == 1
        tolerated = [one["key"] for one in spec["tolerations"]]
        assert "nvidia.com/gpu" in tolerated
    spot = pods(everything)["touchline-gpu"]
    assert spot["nodeSelector"]["cloud.google.com/gke-spot"] == "true"


def test_migrations_run_before_anything_else(everything: list[Manifest]) -> None:
    (job,) = of_kind(everything, "Job").values()
    notes = job["metadata"]["annotations"]
    database = job["spec"]["template"]["spec"]["containers"][0]["env"][0]

    assert notes["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert database["value"].startswith("postgresql://touchline@postgres")  # no pooler


def test_migrations_run_where_they_are_told_with_what_they_are_told(
    everything: list[Manifest],
) -> None:
    (job,) = of_kind(everything, "Job").values()
    spec = job["spec"]["template"]["spec"]
    named = [one["name"] for one in spec["containers"][0]["env"]]

    assert spec["nodeSelector"] == {"pool": "small"}
    assert [one["key"] for one in spec["tolerations"]] == ["pool"]
    assert named[-2:] == ["TOUCHLINE_METRICS_OPEN", "PGAPPNAME"]


def test_the_kinds_of_jobs_by_queue_are_those_of_the_code() -> None:
    text = (CHART / "templates" / "_kinds.tpl").read_text()

    assert text == template(), "make chart writes it anew"
    assert all(offer in text for offer in offers_of(KINDS))


def test_the_chart_is_of_this_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert chart["appVersion"] == project["version"]
