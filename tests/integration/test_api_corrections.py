"""Corrections over the API: beside the model's events, and never lost."""

import csv
import io
import json
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select

from app.annotations.editing import Transition
from app.annotations.service import write_step
from app.annotations.states import EventState
from app.annotations.tables import Annotation, Decision
from app.timelines.suggestions import suggestion_id
from app.timelines.tables import Event
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.test_api import FPS, NOW, SPOTS, _finish, _problem, _upload

LAST_FRAME = 299  # of ten seconds at 30 frames a second


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video whose timeline holds SPOTS."""
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, SPOTS)
    return video_id


@pytest.fixture
def first(video: UUID) -> UUID:
    """The first event: a PASS at frame 30."""
    return suggestion_id(video, "PASS", 30)


def test_an_accepted_event_keeps_what_the_model_said(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    answer = change(api, video, first, state="accepted")

    event = answer.json()
    assert answer.headers["etag"] == f'"{event["version"]}"'
    assert (event["state"], event["source"], event["version"]) == (
        *("accepted", "model", 1),
    )
    assert (event["type"], event["frame"], event["score"]) == ("PASS", 30, 0.9)
    assert event["decided_by"] == "local"
    assert [one["state"] for one in events(api, video)].count("accepted") == 1
    assert len(events(api, video)) == len(SPOTS)
    assert api.client.get(f"/videos/{video}/events/{first}").json() == event


def test_a_rejected_event_is_there_for_those_who_ask(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    change(api, video, first, state="rejected")

    assert len(events(api, video)) == len(SPOTS) - 1
    assert [one["id"] for one in events(api, video, "state=rejected")] == [str(first)]
    assert len(events(api, video, "state=all")) == len(SPOTS)
    assert len(events(api, video, "state=rejected&state=suggested")) == len(SPOTS)
    raw = events(api, video, "source=model")
    assert {one["state"] for one in raw} == {"suggested"}
    assert len(raw) == len(SPOTS)
    table = api.client.get(f"/videos/{video}/events.csv").text
    assert str(first) not in table
    assert len(table.splitlines()) == len(SPOTS)


def test_an_edited_event_keeps_its_id_and_moves(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    event = change(api, video, first, type="SHOT", frame=33).json()

    assert (event["id"], event["state"], event["source"]) == (
        *(str(first), "edited", "model"),
    )
    assert (event["type"], event["frame"], event["time_s"]) == ("SHOT", 33, 1.1)
    assert event["score"] == 0.9
    raw = events(api, video, "source=model&to_s=1.5")
    assert [(one["type"], one["frame"]) for one in raw] == [("PASS", 30)]
    back = change(api, video, first, type="PASS", frame=30).json()
    assert back["state"] == "accepted"


@pytest.mark.parametrize("frame", [0, 1, 100, 121, LAST_FRAME])
def test_a_time_comes_back_to_the_frame_it_is_of(
    api: RunningApi, video: UUID, first: UUID, frame: int
) -> None:
    by_frame = change(api, video, first, frame=frame).json()
    by_time = change(api, video, first, time_s=by_frame["time_s"]).json()

    assert by_frame["frame"] == by_time["frame"] == frame
    assert by_frame["time_s"] == by_time["time_s"] == round(frame / FPS, 3)


def test_attributes_are_set_kept_and_deleted(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    wanted = {"team": "left", "player": 7, "note": "<b>late</b>", "is_first": True}
    change(api, video, first, attributes=wanted)

    event = change(api, video, first, attributes={"note": None, "x": 0.5}).json()

    assert event["attributes"] == {
        **{"team": "left", "player": 7, "is_first": True, "x": 0.5},
    }
    assert (event["team"], event["state"]) == ("left", "edited")
    assert [one["id"] for one in events(api, video, "team=left")] == [str(first)]
    _problem(api.client.get(f"/videos/{video}/events?team=x"), 422, "unknown-team")


def test_an_added_event_is_in_its_place(api: RunningApi, video: UUID) -> None:
    answer = add(api, video, type="SHOT", frame=120, attributes={"player": "9"})

    event = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/videos/{video}/events/{event['id']}"
    assert (event["state"], event["source"], event["score"]) == ("added", "human", None)
    listed = events(api, video)
    assert [one["time_s"] for one in listed] == sorted(one["time_s"] for one in listed)
    assert event in listed
    assert [one["id"] for one in events(api, video, "type=SHOT")] == [event["id"]]
    assert events(api, video, "source=human") == [event]
    lines = api.client.get(f"/videos/{video}/events.csv?source=human").text.splitlines()
    assert len(lines) == 2


def test_a_version_that_no_event_can_have_is_refused(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    wanted = [{"id": str(first), "state": "accepted", "version": 10**30}]

    answer = api.client.post(f"/videos/{video}/events:batch", json={"changes": wanted})

    _problem(answer, 422, "invalid-request")
    assert events(api, video)[0]["state"] == "suggested"


@pytest.mark.costly
def test_however_much_another_process_has_changed_the_timeline_can_be_read(
    api: RunningApi, video: UUID
) -> None:
    """More than one statement of Postgres takes values."""
    count = len(events(api, video))
    states = [
        EventState(uuid4(), "added", "PASS", 120, 4000, author="Bo", decided_at=NOW)
        for _ in range(66_000)
    ]
    steps = [Transition(one.event_id, None, one) for one in states]
    with api.service.sessions.begin() as session:
        row = session.get_one(Video, video)
        write_step(session, row, steps, author="Bo", now=NOW)

    more = api.client.get(f"/videos/{video}/events?from_s=5")

    assert more.status_code == 200
    assert len(more.json()["items"]) < count


def test_a_team_that_is_a_number_is_a_team(api: RunningApi, video: UUID) -> None:
    event = add(api, video, type="SHOT", frame=120, attributes={"team": 7}).json()

    assert event["team"] == "7"
    assert [one["id"] for one in events(api, video, "team=7")] == [event["id"]]
    table = csv.DictReader(
        io.StringIO(api.client.get(f"/videos/{video}/events.csv?source=human").text)
    )
    assert [row["team"] for row in table] == ["7"]


def test_an_event_with_an_id_of_its_own_is_added_once(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    """As of a browser that was without a connection for longer than keys are kept."""
    own = str(uuid4())

    made = add(api, video, id=own, type="SHOT", frame=120)
    again = add(api, video, id=own, type="SHOT", frame=120)

    assert (made.status_code, again.status_code) == (201, 201)
    assert made.json() == again.json()
    assert made.json()["id"] == own
    assert [one["id"] for one in events(api, video, "source=human")] == [own]
    assert api.client.post(f"/videos/{video}/events/undo").status_code == 200
    assert add(api, video, id=own, type="SHOT", frame=120).json()["id"] == own
    assert events(api, video, "source=human") == []  # it stays undone
    taken = add(api, video, id=str(first), type="SHOT", frame=120)
    _problem(taken, 422, "invalid-request")


def test_files_tell_what_people_said(api: RunningApi, video: UUID, first: UUID) -> None:
    change(api, video, first, attributes={"team": "left", "player": 7, "late": True})
    add(api, video, type="SHOT", frame=33)
    path = f"/videos/{video}/events"

    table = list(csv.DictReader(io.StringIO(api.client.get(f"{path}.csv").text)))
    found = api.client.get(f"{path}.soccernet.json?type=SHOT").json()["predictions"]

    told, shot = table[:2]
    assert (told["team"], told["player"], told["late"]) == ("left", "7", "true")
    assert (shot["type"], shot["score"], shot["player"]) == ("SHOT", "", "")
    assert [one["confidence"] for one in found] == ["1.000000"]


def test_a_score_never_hides_what_a_person_decided(
    api: RunningApi, video: UUID
) -> None:
    added = add(api, video, type="SHOT", frame=10).json()["id"]
    weak = suggestion_id(video, "PASS", 121)
    change(api, video, weak, state="accepted")

    kept = {one["id"] for one in events(api, video, "min_score=0.99")}

    assert kept == {added, str(weak)}


def test_a_decision_can_be_taken_back(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    change(api, video, first, state="rejected")

    event = change(api, video, first, state="suggested").json()

    assert (event["state"], event["version"], event["decided_by"]) == (
        *("suggested", 0, None),
    )
    assert len(events(api, video)) == len(SPOTS)
    assert [line["action"] for line in history(api, video, first)] == [
        *("reject", "reset"),
    ]


def test_an_added_event_has_no_suggestion_to_go_back_to(
    api: RunningApi, video: UUID
) -> None:
    added = UUID(add(api, video, type="SHOT", frame=10).json()["id"])

    answer = patch(api, video, added, {"state": "suggested"})

    assert "no suggestion" in _problem(answer, 422, "invalid-request")["detail"]
    assert change(api, video, added, state="rejected").json()["state"] == "rejected"
    assert change(api, video, added, state="accepted").json()["state"] == "added"


def test_history_tells_who_when_before_and_after(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    change(api, video, first, state="accepted")
    change(api, video, first, frame=31)

    accepted, edited = history(api, video, first)

    assert (accepted["action"], accepted["before"], accepted["author"]) == (
        *("accept", None, "local"),
    )
    assert accepted["after"]["state"] == edited["before"]["state"] == "accepted"
    assert (edited["action"], edited["after"]["frame"]) == ("edit", 31)
    assert accepted["revision"] < edited["revision"]
    undecided = suggestion_id(video, "DRIVE", 75)
    assert history(api, video, undecided) == []


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"type": "GOAL"}, 422, "unknown-type"),
        ({"frame": LAST_FRAME + 1}, 422, "frame-beyond-end"),
        ({"time_s": 10.0}, 422, "frame-beyond-end"),
        ({"frame": -1}, 422, "invalid-request"),
        ({"frame": 1.5}, 422, "invalid-request"),
        ({"frame": 1, "time_s": 1.0}, 422, "invalid-request"),
        ({"state": "added"}, 422, "invalid-request"),
        ({"state": "suggested", "frame": 3}, 422, "invalid-request"),
        ({"type": ""}, 422, "invalid-request"),
        ({"type": "a\x00b"}, 422, "invalid-request"),
        ({"attributes": {"a\x00b": "x"}}, 422, "invalid-request"),
        ({"attributes": {"a": "x\ud800"}}, 422, "invalid-request"),
        ({"attributes": {"a": ["x"]}}, 422, "invalid-request"),
        ({"attributes": {"a": 2**70}}, 422, "invalid-request"),
        ({"attributes": {str(key): 1 for key in range(51)}}, 422, "invalid-request"),
        ({"staet": "accepted"}, 422, "invalid-request"),
        ({}, 422, "invalid-request"),
        (None, 422, "invalid-request"),
    ],
)
def test_a_bad_change_is_refused_in_words_and_changes_nothing(
    api: RunningApi,
    video: UUID,
    first: UUID,
    body: dict[str, Any] | None,
    status: int,
    slug: str,
) -> None:
    answer = patch(api, video, first, body)

    _problem(answer, status, slug)
    assert history(api, video, first) == []
    assert {one["state"] for one in events(api, video)} == {"suggested"}


@pytest.mark.parametrize(
    "body",
    [
        {"type": "SHOT"},
        {"frame": 3},
        {"type": "SHOT", "frame": 3, "state": "added"},
        {"type": "SHOT", "frame": 3, "time_s": 0.1},
    ],
)
def test_a_bad_new_event_is_refused(
    api: RunningApi, video: UUID, body: dict[str, Any]
) -> None:
    answer = api.client.post(f"/videos/{video}/events", json=body)

    _problem(answer, 422, "invalid-request")
    assert len(events(api, video)) == len(SPOTS)


def test_unknown_types_are_answered_with_the_known_ones(
    api: RunningApi, video: UUID
) -> None:
    problem = _problem(add(api, video, type="GOAL", frame=1), 422, "unknown-type")

    assert problem["types"] == ["PASS", "DRIVE", "SHOT"]
    assert "PASS, DRIVE, SHOT" in problem["detail"]


def test_what_is_not_there_cannot_be_changed(api: RunningApi, video: UUID) -> None:
    for event_id in (uuid4(), "no-id"):
        for answer in (
            api.client.get(f"/videos/{video}/events/{event_id}"),
            api.client.get(f"/videos/{video}/events/{event_id}/history"),
            patch(api, video, event_id, {"state": "accepted"}),
        ):
            _problem(answer, 404, "event-not-found")


def test_a_video_deleted_meanwhile_takes_its_corrections_along(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    change(api, video, first, state="accepted")
    api.client.delete(f"/videos/{video}")

    path = f"/videos/{video}/events"
    for answer in (
        patch(api, video, first, {"state": "rejected"}),
        add(api, video, type="PASS", frame=1),
        api.client.post(f"{path}:batch", json={"changes": [{"type": "PASS"}]}),
        api.client.post(f"{path}/undo"),
        api.client.post(f"{path}/redo"),
        api.client.get(f"{path}/{first}/history"),
    ):
        _problem(answer, 404, "video-not-found")
    with api.service.sessions() as session:
        for table in (Annotation, Decision):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_frames_that_are_not_known_yet_say_so(api: RunningApi) -> None:
    video_id = UUID(_upload(api)["id"])

    answer = add(api, video_id, type="PASS", frame=1)

    problem = _problem(answer, 422, "unknown-type")
    assert "no types yet" in problem["detail"]
    _finish(api, video_id, SPOTS)
    with api.service.sessions.begin() as session:
        session.get_one(Video, video_id).fps = None
    _problem(add(api, video_id, type="PASS", frame=1), 409, "frames-unknown")


def test_the_models_events_are_never_touched(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    before = model_rows(api)

    change(api, video, first, type="SHOT")
    add(api, video, type="PASS", frame=2)
    api.client.post(f"/videos/{video}/events/undo")

    assert model_rows(api) == before
    counts = api.client.get(f"/videos/{video}").json()["counts"]
    assert counts == {"PASS": 3, "DRIVE": 2}


def test_an_author_is_named_by_the_client(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    event = change(api, video, first, author="Åsa Öberg", state="accepted").json()

    assert event["decided_by"] == "local/Åsa Öberg"
    for bad in ("", "%20", "a" * 101, "%0A", "%FF"):
        answer = patch(api, video, first, {"frame": 5}, {"touchline-author": bad})
        _problem(answer, 422, "invalid-author")


def test_a_second_reviewer_must_have_seen_the_first_ones_decision(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    seen = change(api, video, first, author="Ana", state="accepted")
    body = {"state": "rejected"}

    blind = patch(api, video, first, body, author="Bo")
    moved = change(api, video, first, author="Ana", frame=32)
    stale = patch(
        api, video, first, body, {"if-match": seen.headers["etag"]}, author="Bo"
    )
    again = patch(
        api, video, first, body, {"if-match": moved.headers["etag"]}, author="Bo"
    )

    needed = _problem(blind, 428, "version-needed")
    assert needed["version"] == seen.json()["version"]
    assert "local/Ana" in needed["detail"]
    changed = _problem(stale, 412, "event-changed")
    assert changed["current"] == moved.json()
    assert [
        (one["action"], one["author"], one["before"]["frame"], one["after"]["frame"])
        for one in changed["changes"]
    ] == [("edit", "local/Ana", 30, 32)]
    assert again.status_code == 200
    assert again.json()["decided_by"] == "local/Bo"


def test_agreeing_with_another_needs_no_version(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    accepted = change(api, video, first, author="Ana", state="accepted").json()

    assert change(api, video, first, author="Bo", state="accepted").json() == accepted
    assert len(history(api, video, first)) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ('"0"', 200),
        ("*", 200),
        ('"7", "0"', 200),
        ('"1"', 412),
        ('W/"0"', 200),  # as a proxy that compresses makes of it
        ('W/"1"', 412),
        ('"abc"', 412),
        ("0", 422),
        ("", 422),
        ('"0', 422),
    ],
)
def test_if_match_names_the_versions_that_may_be_changed(
    api: RunningApi, video: UUID, first: UUID, sent: str, status: int
) -> None:
    answer = patch(api, video, first, {"state": "accepted"}, {"if-match": sent})

    assert answer.status_code == status, answer.text


def events(api: RunningApi, video: UUID, query: str = "") -> list[dict[str, Any]]:
    answer = api.client.get(f"/videos/{video}/events?{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def patch(
    api: RunningApi,
    video: UUID,
    event: UUID | str,
    body: dict[str, Any] | None,
    headers: dict[str, str] | None = None,
    *,
    author: str | None = None,
) -> httpx.Response:
    sent = dict(headers or {})
    if author is not None:
        sent["touchline-author"] = quote(author)
    if body is not None:
        sent["content-type"] = "application/json"
    path = f"/videos/{video}/events/{event}"
    content = None if body is None else json.dumps(body)  # half characters, too
    return api.client.patch(path, content=content, headers=sent)


def change(
    api: RunningApi,
    video: UUID,
    event: UUID | str,
    author: str | None = None,
    **body: Any,
) -> httpx.Response:
    """Change an event, which must work."""
    answer = patch(api, video, event, body, author=author)
    assert answer.status_code == 200, answer.text
    return answer


def add(api: RunningApi, video: UUID, **body: Any) -> httpx.Response:
    return api.client.post(f"/videos/{video}/events", json=body)


def history(api: RunningApi, video: UUID, event: UUID | str) -> list[dict[str, Any]]:
    answer = api.client.get(f"/videos/{video}/events/{event}/history")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def model_rows(api: RunningApi) -> list[Any]:
    with api.service.sessions() as session:
        return sorted(map(str, session.execute(select(Event.__table__)).all()))
