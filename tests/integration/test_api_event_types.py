"""Types of events over real rows: a whole ordered list, replaced at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.event_types.queries import type_names
from tests.api_server import RunningApi
from tests.integration.test_api import SPOTS, _finish, _problem, _upload

TYPES: list[dict[str, Any]] = [
    {"name": "TACKLE", "key": "4", "colour": "#d62728"},
    {"name": "Yellow->red card", "key": None, "colour": None},
    {"name": "<b>CORNER</b>", "key": "1", "colour": "#00ff00"},
]


@pytest.fixture(autouse=True)
def _none_left(api: RunningApi) -> Iterator[None]:
    yield
    api.client.put("/types", json={"items": []})


def put(api: RunningApi, items: object, **headers: str) -> httpx.Response:
    return api.client.put("/types", json={"items": items}, headers=headers)


def test_there_are_none_until_somebody_names_some(api: RunningApi) -> None:
    answer = api.client.get("/types")

    assert answer.json() == {"items": [], "next_cursor": None}
    assert answer.headers["etag"].startswith('"')


def test_types_are_listed_in_the_order_they_were_put(api: RunningApi) -> None:
    done = put(api, TYPES)
    turned = put(api, TYPES[::-1])

    listed = api.client.get("/types")
    assert done.json()["items"] == TYPES
    assert listed.json() == turned.json()
    assert listed.json()["items"] == TYPES[::-1]
    assert listed.headers["etag"] == turned.headers["etag"] != done.headers["etag"]
    with api.service.sessions() as session:
        names = list(session.scalars(type_names()))
    assert names == [one["name"] for one in TYPES[::-1]]


def test_what_was_answered_can_be_sent_back(api: RunningApi) -> None:
    put(api, TYPES)
    answered = api.client.get("/types")

    again = api.client.put("/types", json=answered.json())

    assert again.json() == answered.json()
    assert again.headers["etag"] == answered.headers["etag"]


def test_names_are_stripped_and_colours_told_in_lower_case(api: RunningApi) -> None:
    answer = put(api, [{"name": " A type ", "colour": "#ABCDEF"}])

    assert answer.json()["items"] == [
        {"name": "A type", "key": None, "colour": "#abcdef"}
    ]


@pytest.mark.parametrize(
    ("items", "pointer", "words"),
    [
        ([{"name": "Pass"}, {"name": " PASS "}], "#/items", "'Pass' and 'PASS'"),
        ([{"name": "Straße"}, {"name": "STRASSE"}], "#/items", "differ in case"),
        ([{"name": "a", "key": "1"}, {"name": "b", "key": "1"}], "#/items", "key 1"),
        ([{"name": "a", "key": "0"}], "#/items/0/key", "[1-9]"),
        ([{"name": "a", "key": "10"}], "#/items/0/key", "[1-9]"),
        ([{"name": "a", "key": "1\n"}], "#/items/0/key", "[1-9]"),
        ([{"name": "a", "key": 1}], "#/items/0/key", "string"),
        ([{"name": "  "}], "#/items/0/name", "at least 1"),
        ([{"name": "x" * 101}], "#/items/0/name", "at most 100"),
        ([{"name": "a\nb"}], "#/items/0/name", "one line"),
        ([{"name": "a\x00"}], "#/items/0/name", "one line"),
        ([{"name": "a", "colour": "red"}], "#/items/0/colour", "#"),
        ([{"name": "a", "hotkey": "1"}], "#/items/0/hotkey", "permitted"),
        ([{"key": "1"}], "#/items/0/name", "required"),
        ([{"name": f"t{n}"} for n in range(101)], "#/items", "at most 100"),
        ({}, "#/items", "list"),
        (None, "#/items", "list"),
    ],
)
def test_a_bad_list_is_named_and_nothing_is_replaced(
    api: RunningApi, items: object, pointer: str, words: str
) -> None:
    put(api, TYPES)

    problem = _problem(put(api, items), 422, "invalid-request")

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["detail"]
    assert api.client.get("/types").json()["items"] == TYPES


@pytest.mark.parametrize("body", [{}, [], {"items": [], "next_cursor": "x"}])
def test_a_body_that_is_no_list_of_types_is_refused(api: RunningApi, body: Any) -> None:
    _problem(api.client.put("/types", json=body), 422, "invalid-request")


def test_types_that_somebody_else_changed_are_not_overwritten(api: RunningApi) -> None:
    seen = api.client.get("/types").headers["etag"]

    first = put(api, TYPES, **{"if-match": seen})
    second = put(api, [{"name": "MINE"}], **{"if-match": seen})
    third = put(api, [{"name": "MINE"}], **{"if-match": first.headers["etag"]})

    assert (first.status_code, third.status_code) == (200, 200)
    _problem(second, 412, "types-changed")


def test_of_changes_at_once_to_the_same_list_one_is_made(api: RunningApi) -> None:
    seen = api.client.get("/types").headers["etag"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda number: put(
                    api, [{"name": f"TYPE {number}"}], **{"if-match": seen}
                ),
                range(8),
            )
        )

    (made,) = [one for one in answers if one.status_code == 200]
    assert {one.status_code for one in answers} == {200, 412}
    assert api.client.get("/types").json() == made.json()


def test_whole_lists_that_come_at_once_are_never_mixed(api: RunningApi) -> None:
    lists = [[{"name": f"{who} {n}"} for n in range(9)] for who in "ABCDEFGH"]

    with ThreadPoolExecutor(8) as pool:
        statuses = {one.status_code for one in pool.map(lambda x: put(api, x), lists)}

    names = [one["name"] for one in api.client.get("/types").json()["items"]]
    assert statuses == {200}
    assert names in [[one["name"] for one in each] for each in lists]


def test_types_of_the_project_can_be_tagged_and_asked_for_in_any_video(
    api: RunningApi,
) -> None:
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, SPOTS)
    path = f"/videos/{video_id}/events"
    tag = {"type": "TACKLE", "frame": 5}

    unknown = api.client.post(path, json=tag), api.client.get(f"{path}?type=TACKLE")
    put(api, TYPES)
    none_yet = api.client.get(f"{path}?type=TACKLE")
    tagged = api.client.post(path, json=tag)
    refused = api.client.post(path, json={"type": "GOAL", "frame": 5})
    put(api, [])
    kept = api.client.get(f"{path}?type=TACKLE").json()["items"]

    for answer in unknown:
        _problem(answer, 422, "unknown-type")
    assert (none_yet.status_code, none_yet.json()["items"]) == (200, [])
    assert tagged.status_code == 201
    problem = _problem(refused, 422, "unknown-type")
    assert set(problem["types"]) == {one["name"] for one in TYPES} | {
        *("PASS", "DRIVE", "SHOT"),
    }
    assert kept == [tagged.json()]
