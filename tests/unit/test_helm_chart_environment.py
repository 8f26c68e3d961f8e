"""What pods of the Helm chart are told by variables, and what they reach with it."""

import re
from collections.abc import Iterator

import pytest

from tests.helm_chart import (
    CHART,
    Manifest,
    containers,
    of_kind,
    read_values,
    render,
)

LEAST = {"redis": {"url": "redis://r/0"}, "storage": {"url": "s3://videos"}}


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return render(read_values(CHART / "ci" / "everything.yaml"))


def test_settings_are_written_as_the_service_reads_them(
    everything: list[Manifest],
) -> None:
    written = read_values(CHART / "ci" / "everything.yaml")["config"]

    env = dict(_environment(everything, "touchline-api"))
    for name, value in written.items():
        assert env[name]["value"] == str(value)  # not 2e+10


def test_a_replica_is_read_from_by_all_but_the_migration(
    everything: list[Manifest],
) -> None:
    name = "TOUCHLINE_DATABASE_READ_URL"
    in_secret = render({**LEAST, "database": {"readUrlKey": "read-url"}})

    for part, _ in containers(everything):
        env = dict(_environment(everything, part))
        expected = (
            None if part.endswith("migrate") else "postgresql://touchline@replica"
        )
        assert (name in env) == (expected is not None)
        assert expected is None or env[name]["value"].startswith(expected)
    told = dict(_environment(in_secret, "touchline-gpu"))[name]
    assert told["valueFrom"]["secretKeyRef"] == {"name": "touchline", "key": "read-url"}
    assert name not in dict(_environment(render(LEAST), "touchline-api"))


def test_whatever_a_pod_is_told_to_reach_it_may_reach(
    everything: list[Manifest],
) -> None:
    policies = of_kind(everything, "NetworkPolicy")
    egress = policies["touchline"]["spec"]["egress"]
    allowed = {port["port"] for rule in egress for port in rule.get("ports", [])}

    asked = set()
    for part, _ in containers(everything):
        for name, one in _environment(everything, part):
            if name.endswith(("_URL", "_ENDPOINT")) and "PUBLIC" not in name:
                asked |= {int(p) for p in re.findall(r":(\d+)", one.get("value", ""))}
    assert asked == {4318, 5432, 5433, 6432, 9000, 26379}
    assert asked <= allowed
    assert all(rule.get("ports") for rule in egress if "to" not in rule)


def _environment(
    manifests: list[Manifest], part: str
) -> Iterator[tuple[str, Manifest]]:
    for name, container in containers(manifests):
        if name == part:
            for one in container["env"]:
                yield one["name"], one
