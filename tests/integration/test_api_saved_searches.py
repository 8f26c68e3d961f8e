"""Searches are saved under names, and what they find is had as files and playlists."""

import csv
import io
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete

from app.search.tables import SavedSearch
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.test_api import _problem
from tests.integration.test_api_corrections import add, change
from tests.integration.test_api_search import analysed, found

QUERY: dict[str, Any] = {"sequence": ["SHOT", "PASS"], "within_s": 8}


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """The only video there is; no search is saved."""
    with api.service.sessions.begin() as session:
        session.execute(delete(Video))
        session.execute(delete(SavedSearch))
    return analysed(api)


def save(api: RunningApi, name: str, query: dict[str, Any] = QUERY) -> Any:
    answer = api.client.post("/searches", json={"name": name, "query": query})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.usefixtures("video")
def test_a_search_is_saved_renamed_and_deleted(api: RunningApi) -> None:
    made = api.client.post("/searches", json={"name": " Quick ", "query": QUERY})
    saved = made.json()
    path = made.headers["location"]

    assert (saved["name"], saved["version"]) == ("Quick", 1)
    assert (saved["query"]["sequence"], saved["query"]["within_s"]) == (
        *(["SHOT", "PASS"], 8.0),
    )
    assert api.client.get(path).json() == saved
    renamed = api.client.patch(
        path, json={"name": "Slow"}, headers={"if-match": made.headers["etag"]}
    )
    assert (renamed.json()["name"], renamed.json()["query"]) == ("Slow", saved["query"])
    stale = {"if-match": made.headers["etag"]}
    for answer in (
        api.client.patch(path, json={"query": {}}, headers=stale),
        api.client.delete(path, headers=stale),
    ):
        _problem(answer, 412, "search-changed")
    emptied = api.client.patch(path, json={"query": {"type": ["SHOT"]}}).json()
    assert (emptied["query"]["sequence"], emptied["version"]) == (None, 3)
    assert api.client.delete(path).status_code == 204
    for answer in (api.client.get(path), api.client.delete(path)):
        _problem(answer, 404, "search-not-found")


@pytest.mark.usefixtures("video")
def test_a_search_saved_again_with_its_key_is_the_same_one(api: RunningApi) -> None:
    def post(name: str) -> httpx.Response:
        body = {"name": name, "query": QUERY}
        headers = {"idempotency-key": "search"}
        return api.client.post("/searches", json=body, headers=headers)

    first, again, other = post("Quick"), post("Quick"), post("Slow")

    assert (again.status_code, again.json()) == (201, first.json())
    _problem(other, 422, "idempotency-key-reused")
    api.client.delete(first.headers["location"])
    _problem(post("Quick"), 404, "search-not-found")


@pytest.mark.usefixtures("video")
def test_a_name_is_taken_once(api: RunningApi) -> None:
    for name in ("b", "a", "c"):
        save(api, name)

    again = api.client.post("/searches", json={"name": "a", "query": {}})
    _problem(again, 409, "search-name-taken")
    other = save(api, "d")
    renamed = api.client.patch(f"/searches/{other['id']}", json={"name": "a"})
    _problem(renamed, 409, "search-name-taken")
    first = api.client.get("/searches?limit=3")
    rest = api.client.get(first.links["next"]["url"]).json()
    names = [one["name"] for one in first.json()["items"] + rest["items"]]
    assert names == ["a", "b", "c", "d"]


@pytest.mark.usefixtures("video")
def test_bad_searches_are_not_saved(api: RunningApi) -> None:
    bodies: list[dict[str, Any]] = [
        {"name": "", "query": {}},
        {"name": "two\nlines", "query": {}},
        {"name": "x"},
        {"name": "x", "query": {"types": ["SHOT"]}},
        {"name": "x", "query": {"sequence": ["SHOT"]}},
        {"name": "x", "query": {"sequence": "SHOT,PASS"}},
        {"name": "x", "query": {"within_s": 8}},
        {"name": "x", "query": {**QUERY, "within_s": 301}},
        {"name": "x", "query": {**QUERY, "type": ["SHOT"]}},
        {"name": "x", "query": {"min_score": "nan"}},
        {"name": "x", "query": {"q": "\x00"}},
    ]
    for body in bodies:
        _problem(api.client.post("/searches", json=body), 422, "invalid-request")
    saved = save(api, "x")
    for body in ({}, {"name": None}, {"query": {"state": ["x"]}}):
        answer = api.client.patch(f"/searches/{saved['id']}", json=body)
        _problem(answer, 422, "invalid-request")
    assert api.client.get("/searches").json()["items"] == [saved]


def test_a_saved_search_finds_what_it_would_find_live(
    api: RunningApi, video: UUID
) -> None:
    analysed(api)
    queries: list[tuple[dict[str, Any], str]] = [
        ({}, ""),
        ({"type": ["PASS", "SHOT"], "order": "asc"}, "type=PASS&type=SHOT&order=asc"),
        ({"state": ["all"], "min_score": 0.8}, "state=all&min_score=0.8"),
        (
            {"sequence": ["PASS", "DRIVE"], "within_s": 5},
            "sequence=PASS,DRIVE&within_s=5",
        ),
    ]
    for number, (query, words) in enumerate(queries):
        saved = save(api, str(number), query)
        whole = api.client.get(f"/searches/{saved['id']}/events?limit=100").json()
        assert whole["items"] == found(api, f"{words}&limit=100")
        page = api.client.get(f"/searches/{saved['id']}/events?limit=1")
        after = api.client.get(page.links["next"]["url"]).json()["items"]
        assert page.json()["items"] + after[:1] == whole["items"][:2]


def test_hits_are_had_as_a_table(api: RunningApi, video: UUID) -> None:
    api.client.patch(f"/videos/{video}", json={"title": "=1+1"})
    attributes = {"team": "@left", "player": "-7", "note": "ä"}
    event = add(api, video, type="SHOT", frame=200, attributes=attributes).json()["id"]

    answer = api.client.get("/events?type=SHOT&format=csv")
    rows = rows_of(answer)

    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = rows
    assert (row["match"], row["team"], row["player"]) == ("'=1+1", "'@left", "-7")
    assert (row["hit"], row["id"], row["time_s"], row["score"]) == (
        *("1", event, "6.667", ""),
    )
    assert "ä" in row["attributes"]
    head = api.client.head("/events?format=csv")
    assert (head.status_code, head.content) == (200, b"")


def test_the_table_of_a_saved_sequence_has_a_line_an_event(
    api: RunningApi, video: UUID
) -> None:
    saved = save(api, "Ü/1", {"sequence": ["PASS", "DRIVE"], "within_s": 5})

    answer = api.client.get(f"/searches/{saved['id']}/events?format=csv")
    rows = rows_of(answer)
    hits = api.client.get(f"/searches/{saved['id']}/events").json()["items"]

    assert hits
    assert [row["id"] for row in rows] == [
        event["id"] for hit in hits for event in hit["events"]
    ]
    assert [row["hit"] for row in rows[:2]] == ["1", "1"]
    name = answer.headers["content-disposition"]
    assert name == "attachment; filename*=UTF-8''%C3%9C%2F1.csv"


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_hits_are_had_as_a_playlist_of_several_matches(
    api: RunningApi, video: UUID
) -> None:
    other = analysed(api)
    saved = save(api, "shots", {"type": ["PASS"], "order": "asc"})
    path = f"/searches/{saved['id']}/playlist?lead_s=2&lag_s=1.5"

    answer = api.client.get(f"{path}&format=json").json()
    text = api.client.get(path).text
    live = api.client.get("/events?type=PASS&order=asc&format=m3u8&lead_s=2&lag_s=1.5")

    entries = answer["entries"]
    hits = found(api, "type=PASS&order=asc")
    assert [one["event_ids"] for one in entries] == [[one["id"]] for one in hits]
    assert {one["video"]["id"] for one in entries} == {str(video), str(other)}
    assert (entries[0]["start_s"], entries[0]["end_s"]) == (0.0, 2.5)  # from 1 s
    lines = text.splitlines()
    assert lines[:2] == ["#EXTM3U", "#PLAYLIST:shots"]
    assert [line.partition("#t=")[0] for line in lines if line.startswith("http")] == [
        one["file"] for one in entries
    ]
    assert live.text.splitlines()[2:] == lines[2:]


@pytest.mark.usefixtures("video")
def test_what_is_not_there_or_not_known_is_told(api: RunningApi) -> None:
    saved = save(api, "x")
    for path in ("/searches/x", f"/searches/{uuid4()}", f"/searches/{uuid4()}/events"):
        _problem(api.client.get(path), 404, "search-not-found")
    for query in ("format=pdf", "lead_s=-1", "lag_s=601"):
        path = f"/searches/{saved['id']}/playlist?{query}"
        _problem(api.client.get(path), 422, "invalid-request")
    _problem(api.client.get("/searches?cursor=x"), 422, "invalid-cursor")
    cursor = f"/searches/{saved['id']}/events?cursor=x"
    _problem(api.client.get(cursor), 422, "invalid-cursor")


def test_a_rejected_event_is_not_in_the_playlist(api: RunningApi, video: UUID) -> None:
    event = add(api, video, type="SHOT", frame=200).json()["id"]
    saved = save(api, "shots", {"type": ["SHOT"]})
    path = f"/searches/{saved['id']}/playlist?format=json"
    assert len(api.client.get(path).json()["entries"]) == 1

    change(api, video, UUID(event), state="rejected")

    assert api.client.get(path).json()["entries"] == []
