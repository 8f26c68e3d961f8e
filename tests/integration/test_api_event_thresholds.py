"""Events at other thresholds, and ghosts, over HTTP, beside what people said."""

from typing import Any
from uuid import UUID

import pytest

from app.timelines.tables import Analysis
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline

OWN = {"PASS": 0.3, "DRIVE": 0.45}
OPTIONS = SpottingOptions(
    {
        "PASS": LabelOptions(OWN["PASS"], 0.25, "soft"),
        "DRIVE": LabelOptions(OWN["DRIVE"], 0.25),
    }
)


@pytest.fixture
def video(api: RunningApi) -> Uploaded:
    answer = api.client.post("/videos", files={"file": b"the bytes of a video"})
    body = answer.json()
    ids = UUID(body["id"]), UUID(body["job"]["id"])
    return Uploaded(*ids, api.service.sessions)


@pytest.fixture
def analysis(api: RunningApi, video: Uploaded) -> Analysis:
    return analyse(video, draw_timeline(1), OPTIONS, storage=api.service.storage)


@pytest.fixture
def path(video: Uploaded, analysis: Analysis) -> str:
    return f"/videos/{video.video_id}/events"


def test_a_lower_threshold_adds_events_of_its_type_alone(
    api: RunningApi, path: str
) -> None:
    own = _events(api, path)

    more = _events(api, path, "threshold.PASS=0.1")

    added = _but(more, own)
    assert {one["type"] for one in added} == {"PASS"}
    assert all(0.1 <= one["score"] < 0.3 for one in added)
    assert _but(own, more) == []
    assert not any(one["is_ghost"] for one in more)
    assert _events(api, path, "threshold.PASS=0.1&source=model") == more


def test_the_checkpoints_own_thresholds_change_nothing(
    api: RunningApi, path: str
) -> None:
    asked = "&".join(f"threshold.{label}={value}" for label, value in OWN.items())

    assert _events(api, path, asked) == _events(api, path)


def test_a_higher_threshold_hides_suggestions_but_nothing_that_was_decided(
    api: RunningApi, path: str
) -> None:
    weak = min(_events(api, path, "type=DRIVE"), key=lambda one: one["score"])
    api.client.patch(f"{path}/{weak['id']}", json={"state": "accepted"})

    left = _events(api, path, "threshold.DRIVE=1&type=DRIVE")

    assert [(one["id"], one["state"]) for one in left] == [(weak["id"], "accepted")]


def test_ghosts_are_shown_when_they_are_asked_for_and_can_be_accepted(
    api: RunningApi, path: str
) -> None:
    shown = _events(api, path)
    with_ghosts = _events(api, path, "ghosts=true")
    ghosts = [one for one in with_ghosts if one["is_ghost"]]
    assert ghosts
    assert _but(with_ghosts, ghosts) == shown

    ghost = ghosts[len(ghosts) // 2]
    answer = api.client.patch(f"{path}/{ghost['id']}", json={"state": "accepted"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == ghost["id"]
    now = {one["id"]: one for one in _events(api, path)}
    assert now[ghost["id"]]["state"] == "accepted"
    assert not now[ghost["id"]]["is_ghost"]
    assert len(now) == len(shown) + 1
    undone = api.client.post(f"{path}/undo").json()["events"]
    assert [(one["id"], one["is_ghost"]) for one in undone] == [(ghost["id"], True)]
    assert _events(api, path, "ghosts=true") == with_ghosts


def test_all_ghosts_are_accepted_in_one_step_and_are_ghosts_again_after_undo(
    api: RunningApi, path: str
) -> None:
    with_ghosts = _events(api, path, "ghosts=true")
    ghosts = [one["id"] for one in with_ghosts if one["is_ghost"]]
    changes = [{"id": one, "state": "accepted", "version": 0} for one in ghosts]

    done = api.client.post(f"{path}:batch", json={"changes": changes}).json()

    assert [one["id"] for one in done["events"]] == ghosts
    assert {one["state"] for one in done["events"]} == {"accepted"}
    undone = api.client.post(f"{path}/undo").json()
    assert [one["id"] for one in undone["events"]] == ghosts
    assert all(one["is_ghost"] for one in undone["events"])
    assert undone["gone"] == []
    assert _events(api, path, "ghosts=true") == with_ghosts


def test_what_is_listed_at_any_threshold_can_be_decided(
    api: RunningApi, path: str
) -> None:
    faint = min(
        _events(api, path, "threshold.DRIVE=0.02&type=DRIVE"),
        key=lambda one: one["score"],
    )
    assert faint["score"] < 0.1

    answer = api.client.patch(f"{path}/{faint['id']}", json={"state": "accepted"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["score"] == faint["score"]


@pytest.mark.parametrize("low", ["0", "0.001", "0.01"])
def test_a_threshold_of_nothing_at_all_is_taken_as_the_lowest_there_is(
    api: RunningApi, path: str, low: str
) -> None:
    found = _events(api, path, f"threshold.PASS={low}&type=PASS")

    assert min(one["score"] for one in found) >= 0.01
    assert found == _events(api, path, "threshold.PASS=0.01&type=PASS")


def test_saved_thresholds_are_in_the_list_at_once_and_in_its_etag(
    api: RunningApi, video: Uploaded, path: str
) -> None:
    before = api.client.get(path, params={"limit": 1000})
    same = api.client.get(path, headers={"if-none-match": before.headers["etag"]})
    assert same.status_code == 304

    api.client.put(
        f"/videos/{video.video_id}/thresholds", json={"thresholds": {"PASS": 0.1}}
    )

    after = api.client.get(
        path, params={"limit": 1000}, headers={"if-none-match": before.headers["etag"]}
    )
    assert after.status_code == 200
    assert after.json()["items"] == _events(api, path, "threshold.PASS=0.1")
    assert _events(api, path, "threshold.PASS=0.3") == before.json()["items"]
    files = [api.client.get(f"{path}.csv{query}").text for query in ("", "?limit=5")]
    assert len(files[0].splitlines()) - 1 == len(after.json()["items"])


def test_each_threshold_has_an_etag_of_its_own(api: RunningApi, path: str) -> None:
    tags = {
        api.client.get(f"{path}?{query}").headers["etag"]
        for query in (
            "",
            "ghosts=true",
            "threshold.PASS=0.1",
            "threshold.PASS=0.2",
            "threshold.DRIVE=0.1",
        )
    }

    assert len(tags) == 5


def test_pages_go_on_at_the_thresholds_they_began_with(
    api: RunningApi, path: str
) -> None:
    query = "threshold.PASS=0.05&ghosts=true"
    found: list[dict[str, Any]] = []
    following: str | None = f"{path}?{query}&limit=7"
    while following:
        answer = api.client.get(following)
        found += answer.json()["items"]
        following = answer.links.get("next", {}).get("url")

    assert found == _events(api, path, query)
    assert len(found) > 14


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("threshold.HEADER=0.5", "unknown-type"),
        ("threshold.pass=0.5", "unknown-type"),
        ("threshold.=0.5", "unknown-type"),
        ("threshold.PASS=1.1", "invalid-request"),
        ("threshold.PASS=-0.1", "invalid-request"),
        ("threshold.PASS=nan", "invalid-request"),
        ("threshold.PASS=inf", "invalid-request"),
        ("threshold.PASS=", "invalid-request"),
        ("threshold.PASS=half", "invalid-request"),
        ("threshold.PASS=0.5&threshold.PASS=0.6", "invalid-request"),
        ("ghosts=perhaps", "invalid-request"),
        ("ghosts=true&format=csv", "invalid-request"),
    ],
)
def test_what_is_no_threshold_is_refused(
    api: RunningApi, path: str, query: str, kind: str
) -> None:
    answer = api.client.get(f"{path}?{query}")

    assert answer.status_code == 422
    assert answer.json()["type"] == f"/problems/{kind}"
    if kind == "unknown-type":
        assert answer.json()["types"] == ["PASS", "DRIVE"]


def test_without_curves_the_list_is_there_and_other_thresholds_are_not(
    api: RunningApi, video: Uploaded, path: str, analysis: Analysis
) -> None:
    # Curves of their own, which nobody has asked for.
    api.client.delete(f"/videos/{video.video_id}")
    body = api.client.post("/videos", files={"file": b"another"}).json()
    other = Uploaded(UUID(body["id"]), UUID(body["job"]["id"]), api.service.sessions)
    lost = analyse(other, draw_timeline(77), OPTIONS, storage=api.service.storage)
    assert lost.scores_key is not None
    api.service.storage.delete(lost.scores_key)
    path = f"/videos/{other.video_id}/events"

    for query in ("threshold.PASS=0.1", "ghosts=true"):
        answer = api.client.get(f"{path}?{query}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/scores-not-found"
    first = _events(api, path)[0]
    answer = api.client.patch(f"{path}/{first['id']}", json={"state": "accepted"})
    assert answer.status_code == 200, answer.text


def test_a_video_without_a_timeline_has_none_at_any_threshold(
    api: RunningApi, video: Uploaded
) -> None:
    answer = api.client.get(f"/videos/{video.video_id}/events?threshold.PASS=0.5")

    assert answer.json()["type"] == "/problems/no-timeline"


def _events(api: RunningApi, path: str, query: str = "") -> list[dict[str, Any]]:
    answer = api.client.get(f"{path}?{query}&limit=1000")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _but(
    these: list[dict[str, Any]], those: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    ids = {one["id"] for one in those}
    return [one for one in these if one["id"] not in ids]
