"""Dashboard and alert rules name metrics and labels that a scrape really has."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.db.base import new_id
from app.jobs.tables import Job, JobStatus
from app.metrics.families import FAMILIES
from app.videos.tables import Video
from tests.api_server import RunningApi

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker" / "metrics"
METRIC = re.compile(r"\b(touchline_[a-z_]+)(?:\{([^}]*)\})?")
SAMPLE = re.compile(r"(touchline_[a-z_]+)(?:\{(.*)\})? \S+")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPING = re.compile(r"\bby \(([^)]*)\)")


def expressions() -> Iterator[str]:
    """List the expressions of all panels and rules."""
    board = json.loads((FOLDER / "touchline-dashboard.json").read_text())
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (rule["expr"] for rule in rules())


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


@pytest.fixture
def scraped(api: RunningApi) -> dict[str, set[str]]:
    """The labels of each sample's name, of a service that has analysed a video."""
    now = datetime.now(UTC)
    video = Video(id=new_id(), created_at=now, duration_s=40.0, fps=25.0)
    begun = now - timedelta(seconds=10)
    times = {"created_at": begun, "started_at": begun, "finished_at": now}
    analysed = {
        "status": JobStatus.SUCCEEDED,
        "attempt": 1,
        "stage_seconds": {"start": 0.5, "spot": 9.5},
    }
    failed = {"status": JobStatus.FAILED, "error_code": "internal"}
    with api.service.sessions.begin() as session:
        session.add(video)
        session.flush()
        for facts in (analysed, failed):
            session.add(Job(id=new_id(), video_id=video.id, **times, **facts))
    found: dict[str, set[str]] = defaultdict(set)
    api.client.get("/healthz")
    for line in api.client.get("/metrics").text.splitlines():
        sample = SAMPLE.fullmatch(line)
        if sample is not None:
            found[sample[1]] |= set(LABEL.findall(sample[2] or ""))
    return found


def test_all_families_are_scraped(scraped: dict[str, set[str]]) -> None:
    names = {
        f"{family.name}_count" if family.kind == "histogram" else family.name
        for family in FAMILIES
    }
    assert names <= set(scraped)


def test_each_metric_and_label_that_is_used_exists(
    scraped: dict[str, set[str]],
) -> None:
    used = list(expressions())
    assert len(used) > 30
    for expression in used:
        labels: set[str] = set()
        for name, selector in METRIC.findall(expression):
            assert name in scraped, expression
            assert set(LABEL.findall(selector)) <= scraped[name], expression
            labels |= scraped[name]
        for group in GROUPING.findall(expression):
            assert set(group.split(", ")) <= labels, expression


def test_every_family_is_on_the_dashboard() -> None:
    board = (FOLDER / "touchline-dashboard.json").read_text()

    assert [one.name for one in FAMILIES if one.name not in board] == []


def test_panels_do_not_lie_over_each_other_and_have_ids_of_their_own() -> None:
    board = json.loads((FOLDER / "touchline-dashboard.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y)
            for x in range(place["w"])
            for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells

    assert max(x for x, _ in taken) < 24
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_rule_says_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["remedy"]
        labels = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
        grouped = {
            name for part in GROUPING.findall(rule["expr"]) for name in part.split(", ")
        }
        assert set(labels) <= grouped | {"instance"}, rule["alert"]


def test_compose_mounts_each_file() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounts = [
        mount.split(":")[0]
        for service in ("prometheus", "grafana")
        for mount in composed["services"][service]["volumes"]
        if mount.startswith("./")
    ]

    assert {ROOT / mount for mount in mounts} == set(FOLDER.iterdir())
    for service in ("prometheus", "grafana"):
        assert composed["services"][service]["profiles"] == ["metrics"]
