"""Statistics over the API: of the timeline as people left it."""

import csv
import io
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.timelines.suggestions import suggestion_id
from tests.api_server import RunningApi
from tests.integration.test_api import SPOTS, _finish, _problem, _upload
from tests.integration.test_api_corrections import add, change


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video of ten seconds whose timeline holds SPOTS."""
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, SPOTS)
    return video_id


def statistics(api: RunningApi, video: UUID, query: str = "") -> dict[str, Any]:
    answer = api.client.get(f"/videos/{video}/statistics?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_the_model_said_is_counted(api: RunningApi, video: UUID) -> None:
    found = statistics(api, video)

    assert found["count"] == len(SPOTS)
    assert found["counts"] == [
        {"type": "DRIVE", "team": None, "half": None, "count": 2},
        {"type": "PASS", "team": None, "half": None, "count": 3},
    ]
    assert found["types"] == ["PASS", "DRIVE"]
    assert found["halves"] == found["passes_before_shots"] == found["comparison"] == []
    (tempo,) = found["tempo"]
    assert tempo["per_minute"] == len(SPOTS) * 6
    assert [one["count"] for one in found["bins"]] == [len(SPOTS)]
    (longest,) = found["longest_sequences"]
    assert (longest["count"], longest["passes"]) == (len(SPOTS), 3)
    assert longest["event_ids"][0] == str(suggestion_id(video, "PASS", 30))


def test_corrections_count_and_rejected_events_do_not(
    api: RunningApi, video: UUID
) -> None:
    change(api, video, suggestion_id(video, "PASS", 30), state="rejected")
    added = add(api, video, type="SHOT", frame=130, attributes={"team": "left"})

    found = statistics(api, video, "min_score=0.35")

    assert {one["type"]: one["count"] for one in found["counts"]} == {
        **{"DRIVE": 2, "PASS": 1, "SHOT": 1}
    }
    (shot,) = found["passes_before_shots"]
    assert (shot["event_id"], shot["team"]) == (added.json()["id"], "left")
    rejected = statistics(api, video, "state=rejected")
    assert [one["count"] for one in rejected["counts"]] == [1]


def test_match_facts_give_halves_and_names(api: RunningApi, video: UUID) -> None:
    facts = {
        "teams": [{"name": "Reds", "side": "left"}, {"name": "Blues"}],
        "halves": [{"start_s": 0, "end_s": 3}, {"start_s": 4}],
    }
    first = api.client.get(f"/videos/{video}/statistics")
    assert api.client.patch(f"/videos/{video}", json=facts).status_code == 200
    for frame, team in ((10, "left"), (150, "Reds"), (180, "Blues")):
        add(api, video, type="SHOT", frame=frame, attributes={"team": team})

    found = statistics(api, video)

    assert [(one["half"], one["end_s"]) for one in found["halves"]] == [(1, 3), (2, 10)]
    assert found["halves"][1]["clock_start_s"] == 3
    shots = [one for one in found["counts"] if one["type"] == "SHOT"]
    assert [(one["team"], one["half"], one["count"]) for one in shots] == [
        ("Reds", 1, 1),
        ("Blues", 2, 1),
        ("Reds", 2, 1),
    ]
    assert found["teams"] == ["Reds", "Blues"]
    tag = {"if-none-match": first.headers["etag"]}
    now = api.client.get(f"/videos/{video}/statistics", headers=tag)
    assert now.status_code == 200
    tag = {"if-none-match": now.headers["etag"]}
    again = api.client.get(f"/videos/{video}/statistics", headers=tag)
    assert again.status_code == 304


def test_the_table_holds_the_same_figures(api: RunningApi, video: UUID) -> None:
    answer = api.client.get(f"/videos/{video}/statistics?format=csv")

    assert answer.headers["content-type"].startswith("text/csv")
    assert ".statistics.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    counts = {
        row["type"]: int(row["value"]) for row in rows if row["statistic"] == "events"
    }
    assert counts == {"PASS": 3, "DRIVE": 2}


def test_two_matches_are_compared(api: RunningApi, video: UUID) -> None:
    other = UUID(_upload(api)["id"])
    _finish(api, other, SPOTS[:2])

    found = statistics(api, video, f"with={other}")

    assert found["compared_with"] == str(other)
    assert found["comparison"][0] == {
        **{"statistic": "events", "type": None, "this": 5, "other": 2},
        "difference": 3,
    }
    table = api.client.get(f"/videos/{video}/statistics?format=csv&with={other}").text
    assert "events:other,,,,,,2" in table


def test_a_team_of_two_matches_is_compared_by_its_name(
    api: RunningApi, video: UUID
) -> None:
    other = UUID(_upload(api)["id"])
    _finish(api, other, SPOTS[:2])
    for match, side in ((video, "left"), (other, "right")):
        facts = {"teams": [{"name": "Reds", "side": side}]}
        assert api.client.patch(f"/videos/{match}", json=facts).status_code == 200
        add(api, match, type="SHOT", frame=10, attributes={"team": side})

    found = statistics(api, video, f"with={other}&team=reds")["comparison"]
    nobody = api.client.get(f"/videos/{video}/statistics?with={other}&team=Blues")

    assert [(one["this"], one["other"]) for one in found[:1]] == [(1, 1)]
    _problem(nobody, 422, "unknown-team")
    assert "Reds" in nobody.json()["detail"]


def test_bad_questions_are_refused(api: RunningApi, video: UUID) -> None:
    client = api.client
    _problem(client.get(f"/videos/{uuid4()}/statistics"), 404, "video-not-found")
    for query in ("bin_s=0", "gap_s=nan", "format=xml", "with=x", "longest=-1"):
        answer = client.get(f"/videos/{video}/statistics?{query}")
        _problem(answer, 422, "invalid-request")
    answer = client.get(f"/videos/{video}/statistics?with={uuid4()}")
    _problem(answer, 404, "video-not-found")
    waiting = _upload(api)["id"]
    _problem(client.get(f"/videos/{waiting}/statistics"), 409, "no-timeline")
