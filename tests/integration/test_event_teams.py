"""The team of an event: written with COPY, filtered, and in every form."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from app.core.db.base import utc_now
from app.core.storage.keys import scores_key
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.timelines.schemas import Event, SoccerNetPredictions
from app.timelines.service import Findings, save_analysis
from model.spotting.spots import Spot
from model.spotting.timeline import Timeline
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests

SIDES = ["left", "right"]
SPOTS = [
    Spot("PASS", 1.0, 0.9, 30, 30, team="left"),
    Spot("DRIVE", 2.0, 0.8, 60, 60, team="right"),
    Spot("PASS", 3.0, 0.7, 90, 90, team="right"),
    Spot("SHOT", 4.0, 0.6, 120, 120),  # A worker of before, or a side not told.
]


@pytest.fixture(scope="module")
def shared_api(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    with postgres.fresh_database() as url:
        data_dir = tmp_path_factory.mktemp("data")
        with running_api(make_settings(data_dir=data_dir, database_url=url)) as running:
            yield running


@pytest.fixture
def api(shared_api: RunningApi) -> RunningApi:
    shared_api.forget_all()
    return shared_api


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video whose timeline holds SPOTS, of a model that tells SIDES apart."""
    return _spotted(api, SPOTS, teams=SIDES)


def test_events_tell_their_team(api: RunningApi, video: UUID) -> None:
    events = _events(api, video)

    assert [event["team"] for event in events] == ["left", "right", "right", None]
    assert Event.model_validate(events[0]).team == "left"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("team=left", [0]),
        ("team=right", [1, 2]),
        ("team=left&team=right", [0, 1, 2]),
        ("team=right&type=PASS", [2]),
        ("team=right&type=PASS&min_score=0.75", []),
        ("team=right&order=desc", [2, 1]),
        ("team=left&type=SHOT", []),
    ],
)
def test_events_are_filtered_by_team(
    api: RunningApi, video: UUID, query: str, kept: list[int]
) -> None:
    times = [event["time_s"] for event in _events(api, video, query)]

    assert times == [SPOTS[index].time_s for index in kept]


def test_pages_of_one_team_hold_each_event_once(api: RunningApi, video: UUID) -> None:
    first = api.client.get(f"/videos/{video}/events?team=right&limit=1")
    second = api.client.get(first.links["next"]["url"])

    items = first.json()["items"] + second.json()["items"]
    assert [event["time_s"] for event in items] == [2.0, 3.0]
    assert second.json()["next_cursor"] is None


def test_a_side_without_an_event_is_known_all_the_same(api: RunningApi) -> None:
    video = _spotted(api, SPOTS[:1], teams=SIDES)

    assert _events(api, video, "team=right") == []


@pytest.mark.parametrize("team", ["Left", "north", "", "%00", "left,right"])
def test_an_unknown_team_is_answered_with_the_known_ones(
    api: RunningApi, video: UUID, team: str
) -> None:
    answer = api.client.get(f"/videos/{video}/events?team=left&team={team}")

    problem = answer.json()
    assert answer.status_code == problem["status"] == 422
    assert problem["type"].endswith("/problems/unknown-team")
    assert problem["teams"] == SIDES
    assert "left, right" in problem["detail"]
    assert api.client.get("/problems/unknown-team").is_success


def test_a_timeline_that_tells_no_teams_says_so(api: RunningApi) -> None:
    video = _spotted(api, [Spot("PASS", 1.0, 0.9, 30, 30)], teams=None)

    answer = api.client.get(f"/videos/{video}/events?team=left")

    assert [event["team"] for event in _events(api, video)] == [None]
    assert answer.status_code == 422
    assert "not told by its model" in answer.json()["detail"]


def test_csv_and_soccernet_carry_the_team(api: RunningApi, video: UUID) -> None:
    path = f"/videos/{video}/events"

    table = csv.DictReader(io.StringIO(api.client.get(f"{path}?format=csv").text))
    text = api.client.get(f"{path}?format=soccernet&team=right").text

    assert [row["team"] for row in table] == ["left", "right", "right", ""]
    told = json.loads(text)["predictions"]
    assert [one["team"] for one in told] == ["right", "right"]
    assert SoccerNetPredictions.model_validate_json(text).predictions[0].team == "right"


def test_a_video_names_the_sides_its_model_tells_apart(
    api: RunningApi, video: UUID
) -> None:
    body = api.client.get(f"/videos/{video}").json()

    assert body["job"]["checkpoint"]["teams"] == SIDES


def _events(api: RunningApi, video: UUID, query: str = "") -> list[dict[str, Any]]:
    answer = api.client.get(f"/videos/{video}/events?{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _spotted(
    api: RunningApi, spots: Sequence[Spot], *, teams: list[str] | None
) -> UUID:
    """Upload a video and end its job as a worker does: the events come by COPY."""
    answer = api.client.post("/videos", files={"file": b"the bytes of a video"})
    video_id = UUID(answer.json()["id"])
    labels, steps = ("PASS", "DRIVE", "SHOT"), np.arange(150)
    timeline = Timeline(
        labels, np.zeros((150, 4), np.float32), steps / 30, steps, steps
    )
    service = api.service
    with service.sessions.begin() as session:
        spotting = (Job.video_id == video_id) & (Job.kind == JobKind.SPOT)
        job = session.scalars(select(Job).where(spotting)).one()
        key = scores_key(video_id, job.id, video_id)
        found = Findings(
            checkpoint={"name": "two-sides"} | ({"teams": teams} if teams else {}),
            scores=service.storage.put(key, timeline.to_bytes()),
            spots=spots,
            warnings={},
        )
        save_analysis(session, found, video_id=video_id, job_id=job.id)
        job.status, job.progress, job.finished_at = JobStatus.SUCCEEDED, 1.0, utc_now()
        job.result = {"counts": found.counts, "checkpoint": dict(found.checkpoint)}
    return video_id
