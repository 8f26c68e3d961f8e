"""What to check first over HTTP: the order, the estimate and the time left."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app.timelines.tables import Analysis
from app.videos.tables import Video
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.reviewed_matches import add_match, review
from tests.integration.reviewed_matches import analyse as analyse_again
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline

OPTIONS = SpottingOptions(
    {"PASS": LabelOptions(0.3, 0.25), "DRIVE": LabelOptions(0.45, 0.25)}
)


@pytest.fixture
def video(api: RunningApi) -> Uploaded:
    body = api.client.post("/videos", files={"file": b"the bytes of a video"}).json()
    ids = UUID(body["id"]), UUID(body["job"]["id"])
    return Uploaded(*ids, api.service.sessions)


@pytest.fixture
def analysis(api: RunningApi, video: Uploaded) -> Analysis:
    return analyse(video, draw_timeline(1), OPTIONS, storage=api.service.storage)


@pytest.fixture
def path(video: Uploaded, analysis: Analysis) -> str:
    return f"/videos/{video.video_id}"


def test_all_that_is_undecided_is_in_the_order_ghosts_as_well(
    api: RunningApi, path: str
) -> None:
    listed = api.client.get(f"{path}/events?ghosts=true&limit=1000").json()["items"]

    plan = _review(api, path, limit=1000)

    assert {one["event_id"] for one in plan["items"]} == {one["id"] for one in listed}
    assert plan["undecided"] == len(listed)
    by_id = {one["id"]: one for one in listed}
    for item in plan["items"]:
        event = by_id[item["event_id"]]
        for name in ("type", "time_s", "frame", "score", "is_ghost"):
            assert item[name] == event[name]
    gains = [one["gain"] for one in plan["items"] if one["reason"] != "sample"]
    assert gains == sorted(gains, reverse=True)
    assert plan["overall"]["events"] == sum(not one["is_ghost"] for one in listed)
    assert plan["ghosts_known"]


def test_each_decision_leaves_the_order_and_enters_the_estimate(
    api: RunningApi, path: str
) -> None:
    before = _review(api, path)
    first, second = before["items"][:2]

    for item, state in ((first, "accepted"), (second, "rejected")):
        event = f"{path}/events/{item['event_id']}"
        assert api.client.patch(event, json={"state": state}).status_code == 200

    after = _review(api, path)
    left = {one["event_id"] for one in after["items"]}
    assert not left & {first["event_id"], second["event_id"]}
    assert after["undecided"] == before["undecided"] - 2
    assert after["revision"] == before["revision"] + 2
    assert after["overall"]["decided"] == 1


def test_verdicts_move_the_estimate_and_make_it_surer(
    api: RunningApi, path: str
) -> None:
    before = _review(api, path)["overall"]["precision"]
    listed = api.client.get(f"{path}/events?limit=1000").json()["items"]

    changes = [{"id": one["id"], "state": "rejected"} for one in listed[::2]]
    batch = api.client.post(f"{path}/events:batch", json={"changes": changes})

    assert batch.status_code == 200
    after = _review(api, path)["overall"]["precision"]
    assert after["value"] < 0.2 < before["value"]
    assert after["high"] - after["low"] < before["high"] - before["low"]


def test_a_timeline_that_was_reviewed_from_end_to_end_is_known(
    api: RunningApi, path: str, analysis: Analysis
) -> None:
    with api.service.sessions.begin() as session:
        session.get_one(Video, analysis.video_id).duration_s = 20.0
    whole = {"intervals": [{"from_s": 0, "to_s": 20}]}
    assert api.client.put(f"{path}/reviewed", json=whole).status_code == 200

    plan = _review(api, path)

    certain = {"value": 1.0, "low": 1.0, "high": 1.0}
    assert plan["overall"]["precision"] == plan["overall"]["recall"] == certain
    assert plan["items"] == []
    assert plan["target"]["minutes"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert plan["reviewed_s"] == 20


def test_minutes_are_decisions_at_what_one_costs(api: RunningApi, path: str) -> None:
    stated = _review(api, path)
    asked = _review(api, path, seconds_per_decision=30)
    easy = _review(api, path, target_precision=0.01)

    assert stated["seconds_source"] == "stated"
    assert asked["seconds_source"] == "asked"
    target = asked["target"]
    assert target["precision"] == 0.95
    assert target["decisions"]["value"] > 0
    assert target["minutes"]["value"] == pytest.approx(
        target["decisions"]["value"] / 2, abs=1e-3
    )
    assert easy["target"]["decisions"]["value"] == 0


def test_thresholds_move_the_line_between_events_and_ghosts(
    api: RunningApi, path: str
) -> None:
    own = _review(api, path)
    lower = _review(api, path, **{"threshold.PASS": 0.15})

    assert lower["types"]["PASS"]["events"] > own["types"]["PASS"]["events"]
    assert lower["types"]["DRIVE"] | {"recall": 0, "precision": 0} == (
        own["types"]["DRIVE"] | {"recall": 0, "precision": 0}
    )


def test_without_curves_the_plan_does_without_ghosts(
    api: RunningApi, video: Uploaded
) -> None:
    lost = analyse(video, draw_timeline(78), OPTIONS, storage=api.service.storage)
    assert lost.scores_key is not None
    api.service.storage.delete(lost.scores_key)

    plan = _review(api, f"/videos/{video.video_id}", limit=1000)

    assert not plan["ghosts_known"]
    assert plan["items"]
    assert not any(one["is_ghost"] for one in plan["items"])
    answer = api.client.get(f"/videos/{video.video_id}/review?threshold.PASS=0.1")
    assert answer.json()["type"] == "/problems/scores-not-found"


def test_what_was_followed_live_has_no_curves_and_a_plan_all_the_same(
    api: RunningApi, video: Uploaded
) -> None:
    analyse(video, draw_timeline(79), OPTIONS, storage=api.service.storage)
    with api.service.sessions.begin() as session:
        session.execute(update(Analysis).values(scores_key=None, scores_sha256=None))

    plan = _review(api, f"/videos/{video.video_id}", limit=1000)

    assert not plan["ghosts_known"]
    assert plan["items"]


def test_what_a_later_analysis_suggests_in_a_reviewed_stretch_is_to_be_checked(
    api: RunningApi,
) -> None:
    match = add_match(api, spans=((0, 10),))
    path = f"/videos/{match}"
    before = _review(api, path)
    analyse_again(api, match, [(300, "SHOT", 0.9), (7000, "SHOT", 0.6)])

    later = _review(api, path)
    again = api.client.put(f"{path}/reviewed", json={"intervals": []})
    review(api, match, 0, 10)

    assert before["items"] == []
    assert {one["type"] for one in later["items"]} == {"SHOT"}
    assert again.status_code == 200
    assert _review(api, path)["items"] == []


def test_a_video_without_a_timeline_has_nothing_to_check(
    api: RunningApi, video: Uploaded
) -> None:
    answer = api.client.get(f"/videos/{video.video_id}/review")

    assert answer.json()["type"] == "/problems/no-timeline"


@pytest.mark.parametrize(
    "query",
    [
        "target_precision=0",
        "target_precision=1.01",
        "target_precision=nan",
        "seconds_per_decision=0",
        "seconds_per_decision=inf",
        "limit=-1",
        "threshold.PASS=2",
        "threshold.HEADER=0.2",
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    api: RunningApi, path: str, query: str
) -> None:
    assert api.client.get(f"{path}/review?{query}").status_code == 422


def _review(api: RunningApi, path: str, **query: Any) -> dict[str, Any]:
    answer = api.client.get(f"{path}/review", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
