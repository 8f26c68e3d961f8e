"""The library's search: words, match facts and dates, page by page, over real rows."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db.base import new_id
from tests.api_server import RunningApi
from tests.integration.test_api import _problem

VIDEOS: dict[str, dict[str, Any]] = {
    "final": {
        "title": "Cup final",
        "date": "2026-05-31",
        "competition": "City Cup",
        "teams": [{"name": "Arena Reds"}, {"name": "Évora Straße"}],
    },
    "semi": {
        "title": "Semi-final, 2nd leg",
        "date": "2026-05-24",
        "competition": "CITY CUP",
        "teams": [{"name": "Arena"}, {"name": 'A "quoted" \\ name'}],
    },
    "odd": {"title": "100% _true_ story/end", "date": "2025-12-31"},
    "named": {"competition": "City Cup women"},
    "bare": {},
}


@pytest.fixture
def library(api: RunningApi) -> dict[str, str]:
    """Videos with facts, by id their name here."""
    names = {}
    for name, facts in VIDEOS.items():
        filename = "Großes Spiel ΑΓΏΝΑΣ.MP4" if name == "bare" else "a.mp4"
        sent = api.client.post("/videos", files={"file": (filename, b"x")}).json()
        api.client.patch(sent["links"]["self"], json=facts)
        names[sent["id"]] = name
    return names


def found(api: RunningApi, library: dict[str, str], **query: Any) -> list[str]:
    answer = api.client.get("/videos", params=query)
    assert answer.status_code == 200, answer.text
    return [library[video["id"]] for video in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["bare", "named", "odd", "semi", "final"]),
        ({"q": ""}, ["bare", "named", "odd", "semi", "final"]),
        ({"competition": "", "team": ""}, ["bare", "named", "odd", "semi", "final"]),
        ({"q": "  "}, ["bare", "named", "odd", "semi", "final"]),
        ({"q": "FINAL"}, ["semi", "final"]),
        ({"q": "final cup"}, ["semi", "final"]),
        ({"q": "cup final arena reds"}, ["final"]),
        ({"q": "final  women"}, []),
        ({"q": "evora strasse"}, ["final"]),
        ({"q": "ÉVORA STRASSE"}, ["final"]),
        ({"q": "e\u0301vora"}, ["final"]),
        ({"q": "grosses αγωνας mp4"}, ["bare"]),
        ({"q": "%"}, ["odd"]),
        ({"q": "_"}, ["odd"]),
        ({"q": "/"}, ["odd"]),
        ({"q": "\\"}, ["semi"]),
        ({"q": '"quoted"'}, ["semi"]),
        ({"q": "'; drop table videos; --"}, []),
        ({"competition": "city cup"}, ["semi", "final"]),
        ({"competition": "city"}, []),
        ({"team": "arena"}, ["semi"]),
        ({"team": "EVORA STRASSE"}, ["final"]),
        ({"team": 'a "quoted" \\ name'}, ["semi"]),
        ({"team": "%"}, []),
        ({"from_date": "2026-05-24"}, ["semi", "final"]),
        ({"from_date": "2026-05-25"}, ["final"]),
        ({"to_date": "2026-05-24"}, ["odd", "semi"]),
        ({"from_date": "2026-01-01", "to_date": "2026-05-30"}, ["semi"]),
        ({"from_date": "2026-06-01", "to_date": "2026-05-01"}, []),
        ({"q": "arena", "competition": "City Cup", "team": "Arena Reds"}, ["final"]),
    ],
)
def test_videos_are_found(
    api: RunningApi, library: dict[str, str], query: dict[str, str], names: list[str]
) -> None:
    assert found(api, library, **query) == names


def test_what_is_found_is_paged_with_its_filter_kept(
    api: RunningApi, library: dict[str, str]
) -> None:
    query = {"q": "cup", "from_date": "2026-01-01"}

    first = api.client.get("/videos", params={**query, "limit": 1})
    second = api.client.get(first.links["next"]["url"])

    pages = [
        [library[one["id"]] for one in page.json()["items"]] for page in (first, second)
    ]
    assert pages == [["semi"], ["final"]]
    assert second.json()["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"q": "x" * 10_000}, "#/q"),
        ({"q": "a\x00b"}, "#/q"),
        ({"competition": "x" * 201}, "#/competition"),
        ({"team": "\x00"}, "#/team"),
        ({"from_date": "yesterday"}, "#/from_date"),
        ({"to_date": "2026-13-01"}, "#/to_date"),
        ({"from_date": "1780000000"}, "#/from_date"),
    ],
)
def test_a_bad_question_is_named(
    api: RunningApi, query: dict[str, str], pointer: str
) -> None:
    answer = api.client.get("/videos", params=query)

    (error,) = _problem(answer, 422, "invalid-request")["errors"]
    assert error["pointer"] == pointer


def test_names_that_change_are_found_as_they_are_now(
    api: RunningApi, library: dict[str, str]
) -> None:
    (final,) = [address for address, name in library.items() if name == "final"]

    api.client.patch(f"/videos/{final}", json={"title": "Renamed", "teams": None})

    assert found(api, library, q="renamed") == ["final"]
    assert found(api, library, q="reds") == []
    assert found(api, library, team="Arena Reds") == []
    assert found(api, library, q="city cup renamed") == ["final"]


def test_a_video_added_by_code_of_the_release_before_is_found_by_its_title(
    api: RunningApi,
) -> None:
    video_id = new_id()
    with api.service.sessions.begin() as session:
        session.execute(
            text(
                "insert into videos (id, title, filename, storage_key, size_bytes, "
                "sha256, created_at) values (:id, 'Old Match', 'f.mp4', 'k', 1, 'x', "
                "now())"
            ),
            {"id": video_id},
        )
        session.execute(
            text(
                "insert into jobs (id, video_id, status, progress, attempt, "
                "cancel_requested, created_at) "
                "values (:id, :id, 'queued', 0, 0, false, now())"
            ),
            {"id": video_id},
        )

    for words, count in (("old match", 1), ("F.MP4", 1), ("new", 0)):
        items = api.client.get("/videos", params={"q": words}).json()["items"]
        assert [UUID(one["id"]) for one in items] == [video_id] * count
