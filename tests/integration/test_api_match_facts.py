"""Match facts over real rows: changed in part, seen by all, refused in words."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.test_api import _problem, _upload

FACTS: dict[str, Any] = {
    "title": "Cup final",
    "date": "2026-05-31",
    "competition": "City Cup",
    "teams": [
        {"name": "Arena Reds", "colour": "#d62728", "side": "left"},
        {"name": "Blå Vikinger", "colour": None, "side": "right"},
    ],
    "halves": [
        {"start_s": 1.5, "end_s": 4.0, "clock_start_s": 0.0},
        {"start_s": 5.0, "end_s": None, "clock_start_s": 1200.0},
    ],
}
EMPTY: dict[str, Any] = {
    "title": None,
    "date": None,
    "competition": None,
    "teams": [],
    "halves": [],
}


@pytest.fixture
def path(api: RunningApi) -> str:
    """The address of a video of ten seconds."""
    video_id = UUID(_upload(api)["id"])
    with api.service.sessions.begin() as session:
        session.get_one(Video, video_id).duration_s = 10.0
    return f"/videos/{video_id}"


def facts(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in FACTS}


def test_facts_are_kept_as_they_were_sent(api: RunningApi, path: str) -> None:
    before = api.client.get(path)

    changed = api.client.patch(path, json=FACTS)

    assert (before.headers["etag"], changed.headers["etag"]) == ('"0"', '"1"')
    assert facts(before.json()) == {**EMPTY, "title": "A match"}
    assert changed.status_code == 200
    assert facts(changed.json()) == FACTS
    seen = api.client.get(path)
    assert seen.json() == changed.json()
    assert (seen.json()["facts_version"], seen.headers["etag"]) == (1, '"1"')
    (listed,) = api.client.get("/videos").json()["items"]
    assert listed == seen.json()


@pytest.mark.parametrize("name", FACTS)
def test_what_is_left_out_stays_and_null_clears(
    api: RunningApi, path: str, name: str
) -> None:
    api.client.patch(path, json=FACTS)

    same = api.client.patch(path, json={})
    cleared = api.client.patch(path, json={name: None})

    assert facts(same.json()) == FACTS
    assert facts(cleared.json()) == {**FACTS, name: EMPTY[name]}


def test_what_was_answered_can_be_sent_back(api: RunningApi, path: str) -> None:
    api.client.patch(path, json=FACTS)
    shown = facts(api.client.get(path).json())

    again = api.client.patch(path, json=shown)
    emptied = api.client.patch(path, json={**EMPTY, "title": "", "competition": " "})

    assert (facts(again.json()), again.json()["facts_version"]) == (FACTS, 1)
    assert (facts(emptied.json()), emptied.json()["facts_version"]) == (EMPTY, 2)


def test_names_are_stripped_and_colours_told_in_lower_case(
    api: RunningApi, path: str
) -> None:
    team = {"name": "  Arena  ", "colour": "#ABCDEF"}

    changed = api.client.patch(path, json={"title": " x ", "teams": [team]}).json()

    assert changed["title"] == "x"
    assert changed["teams"] == [{"name": "Arena", "colour": "#abcdef", "side": None}]


def test_a_title_with_html_in_it_is_text(api: RunningApi, path: str) -> None:
    title = "<script>alert('x')</script> & <b>\"final\"</b> \U0001f945 \u202e"

    changed = api.client.patch(path, json={"title": title})

    assert changed.headers["content-type"] == "application/json"
    assert changed.json()["title"] == title.strip()
    assert api.client.get("/videos", params={"q": "<script>"}).json()["items"]


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"tittle": "x"}, "#/tittle", "not permitted"),
        ({"id": str(uuid4())}, "#/id", "not permitted"),
        ({"title": "x" * 301}, "#/title", "300"),
        ({"title": "a\nb"}, "#/title", "one line"),
        ({"title": "a\x00b"}, "#/title", "one line"),
        ({"title": 5}, "#/title", "string"),
        ({"competition": "x" * 101}, "#/competition", "100"),
        ({"date": "31.05.2026"}, "#/date", "2026-05-31"),
        ({"date": "2026-02-30"}, "#/date", "2026-05-31"),
        ({"date": "2026-05-31T12:00:00"}, "#/date", "2026-05-31"),
        ({"date": 1780000000}, "#/date", "2026-05-31"),
        ({"teams": [{"name": f"t{n}"} for n in range(100)]}, "#/teams", "at most 2"),
        ({"teams": [{"name": " "}]}, "#/teams/0/name", "at least 1"),
        ({"teams": [{"colour": "#ffffff"}]}, "#/teams/0/name", "required"),
        ({"teams": [{"name": "x", "colour": "red"}]}, "#/teams/0/colour", "#"),
        ({"teams": [{"name": "x", "colour": "#fff"}]}, "#/teams/0/colour", "#"),
        ({"teams": [{"name": "x", "color": "#fff"}]}, "#/teams/0/color", "permitted"),
        ({"teams": [{"name": "É"}, {"name": "e"}]}, "#/teams", "different names"),
        (
            {"teams": [{"name": n, "side": "left"} for n in "ab"]},
            "#/teams",
            "different sides",
        ),
        ({"halves": [{"start_s": 5, "end_s": 4}]}, "#/halves/0", "after its start"),
        ({"halves": [{"start_s": 5, "end_s": 5}]}, "#/halves/0", "after its start"),
        ({"halves": [{"start_s": -1}]}, "#/halves/0/start_s", "greater"),
        ({"halves": [{"start_s": "soon"}]}, "#/halves/0/start_s", "number"),
        ({"halves": [{"end_s": 3}]}, "#/halves/0/start_s", "required"),
        (
            {"halves": [{"start_s": 1, "end_s": 4}, {"start_s": 3.9}]},
            "#/halves",
            "half 2 begins before half 1 ends",
        ),
        (
            {"halves": [{"start_s": 4}, {"start_s": 1}]},
            "#/halves",
            "half 2 begins before half 1",
        ),
        ({"halves": [{"start_s": 11}]}, "#/halves/0/start_s", "ends at 10.000 s"),
        (
            {"halves": [{"start_s": 1, "end_s": 2}, {"start_s": 3, "end_s": 10.6}]},
            "#/halves/1/end_s",
            "ends at 10.000 s",
        ),
        ({"halves": [{"start_s": n} for n in range(21)]}, "#/halves", "at most 20"),
    ],
)
def test_a_bad_fact_is_named_and_nothing_is_changed(
    api: RunningApi, path: str, body: dict[str, Any], pointer: str, words: str
) -> None:
    api.client.patch(path, json=FACTS)

    answer = api.client.patch(path, json={"competition": "Other", **body})

    problem = _problem(answer, 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert words in problem["detail"]
    assert facts(api.client.get(path).json()) == FACTS


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b'"x"', b"{", b"\xff", b'{"title": ' + b"[" * 9000),
        *(b'{"title": "\\ud800"}', b'{"\\uD800": 1}', b'{"date": "x\\udc00"}'),
        *(b'{"halves": [{"start_s": NaN}]}', b'{"halves": [{"start_s": 1e999}]}'),
    ],
)
def test_a_body_that_is_no_object_of_facts_is_refused(
    api: RunningApi, path: str, body: bytes
) -> None:
    answer = send_bytes(api, path, body)

    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]


def test_a_whole_surrogate_pair_is_a_character(api: RunningApi, path: str) -> None:
    answer = send_bytes(api, path, b'{"title": "\\ud83e\\udd45 \\\\ud83e"}')

    assert answer.json()["title"] == "\U0001f945 \\ud83e"


def send_bytes(api: RunningApi, path: str, body: bytes) -> httpx.Response:
    return api.client.patch(
        path, content=body, headers={"content-type": "application/json"}
    )


def test_a_half_may_end_where_the_length_was_rounded_to(
    api: RunningApi, path: str
) -> None:
    answer = api.client.patch(path, json={"halves": [{"start_s": 0, "end_s": 10.5}]})

    assert answer.status_code == 200


def test_halves_of_a_video_nobody_has_probed_are_believed(api: RunningApi) -> None:
    path = _upload(api)["links"]["self"]

    answer = api.client.patch(path, json={"halves": [{"start_s": 99, "end_s": 5400}]})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        *(('"0"', 200), ("*", 200), ('W/"0"', 200), ('"7", "0"', 200)),
        *(('"1"', 412), ('"7","8"', 412)),
        *(("0", 422), ("", 422), ("nonsense", 422)),  # no ETag at all
    ],
)
def test_a_change_is_made_only_to_what_was_seen(
    api: RunningApi, path: str, if_match: str, status: int
) -> None:
    answer = api.client.patch(
        path, json={"title": "Mine"}, headers={"if-match": if_match}
    )

    assert answer.status_code == status
    title = api.client.get(path).json()["title"]
    assert title == ("Mine" if status == 200 else "A match")
    if status == 412:
        problem = _problem(answer, 412, "facts-changed")
        assert problem["facts_version"] == 0


def test_of_changes_at_once_to_the_same_version_one_is_made(
    api: RunningApi, path: str
) -> None:
    def change(number: int) -> httpx.Response:
        return api.client.patch(
            path, json={"title": f"Title {number}"}, headers={"if-match": '"0"'}
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(change, range(8)))

    (made,) = [one for one in answers if one.status_code == 200]
    assert {one.status_code for one in answers} == {200, 412}
    assert api.client.get(path).json() == made.json()


def test_facts_of_a_video_that_is_not_there_are_refused(
    api: RunningApi, path: str
) -> None:
    api.client.delete(path)

    for address in (path, f"/videos/{uuid4()}", "/videos/nonsense"):
        answer = api.client.patch(address, json=FACTS)
        _problem(answer, 404, "video-not-found")


def test_date_and_competition_may_come_with_the_upload(api: RunningApi) -> None:
    def send(**data: str) -> httpx.Response:
        return api.client.post("/videos", files={"file": b"x"}, data=data)

    sent = send(date="2026-05-31", competition=" City Cup ")
    without = send(date="", competition=" ")

    assert facts(sent.json()) == {
        **EMPTY,
        "date": "2026-05-31",
        "competition": "City Cup",
    }
    assert facts(without.json()) == EMPTY
    with api.service.sessions() as session:
        row = session.get_one(Video, UUID(sent.json()["id"]))
    assert row.played_on == date(2026, 5, 31)
    for field, words in (
        ({"date": "tomorrow"}, "2026-05-31"),
        ({"competition": "x" * 101}, "at most 100"),
        ({"competition": "a\nb"}, "one line"),
        ({"title": "x" * 301}, "at most 300"),
    ):
        assert words in _problem(send(**field), 422, "invalid-request")["detail"]
