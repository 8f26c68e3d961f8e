"""Undo, redo, batches, keys, and several people at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from sqlalchemy import delete, func, select, text

from app.annotations.tables import Annotation, Decision
from app.timelines.suggestions import suggestion_id
from app.timelines.tables import Analysis
from app.timelines.thresholds import save_for_video
from app.videos.tables import Video
from model.video.frame_times import FrameTimes
from tests.api_server import RunningApi, eventually
from tests.integration.test_api import SPOTS, _finish, _problem, _upload
from tests.integration.test_api_corrections import (
    add,
    change,
    events,
    history,
    patch,
)

ANA, BO = "Ana", "Bo"


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


def test_undo_and_redo_walk_through_every_kind_of_change(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    second = suggestion_id(video, "DRIVE", 75)
    seen = [events(api, video, "state=all")]
    steps: list[Any] = [
        lambda: change(api, video, first, state="accepted"),
        lambda: change(api, video, first, type="SHOT", frame=31),
        lambda: change(api, video, second, state="rejected"),
        lambda: add(api, video, type="PASS", frame=200),
        lambda: change(api, video, first, state="suggested"),
        lambda: batch(api, video, [{"id": str(second), "state": "accepted"}]),
    ]
    for step in steps:
        step()
        seen.append(events(api, video, "state=all"))

    for after in reversed(seen[:-1]):
        walk(api, video, "undo")
        assert bare(events(api, video, "state=all")) == bare(after)
    _problem(post(api, video, "undo"), 409, "nothing-to-undo")
    for after in seen[1:]:
        walk(api, video, "redo")
        assert bare(events(api, video, "state=all")) == bare(after)
    _problem(post(api, video, "redo"), 409, "nothing-to-redo")
    walk(api, video, "undo")
    assert bare(events(api, video, "state=all")) == bare(seen[-2])


def test_undo_tells_the_events_as_they_now_are(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    added = add(api, video, type="PASS", frame=33).json()["id"]  # in place of `first`
    assert str(first) not in {one["id"] for one in events(api, video)}

    undone = walk(api, video, "undo")
    redone = walk(api, video, "redo")

    assert undone["gone"] == [added]
    assert [(one["id"], one["state"]) for one in undone["events"]] == [
        (str(first), "suggested")
    ]
    assert redone["gone"] == [str(first)]
    assert [(one["id"], one["state"]) for one in redone["events"]] == [(added, "added")]
    assert redone["revision"] == undone["revision"] + 1


def test_a_new_change_leaves_nothing_to_redo(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    change(api, video, first, state="accepted")
    walk(api, video, "undo")

    change(api, video, first, state="rejected")

    _problem(post(api, video, "redo"), 409, "nothing-to-redo")
    walk(api, video, "undo")
    _problem(post(api, video, "undo"), 409, "nothing-to-undo")


def test_each_author_undoes_their_own_steps(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    second = suggestion_id(video, "DRIVE", 75)
    change(api, video, first, author=ANA, state="accepted")
    change(api, video, second, author=BO, state="rejected")

    walk(api, video, "undo", author=ANA)

    states = {one["id"]: one["state"] for one in events(api, video, "state=all")}
    assert (states[str(first)], states[str(second)]) == ("suggested", "rejected")
    _problem(post(api, video, "undo", author=ANA), 409, "nothing-to-undo")
    walk(api, video, "redo", author=ANA)
    walk(api, video, "undo", author=BO)
    _problem(post(api, video, "undo"), 409, "nothing-to-undo")


def test_undo_of_what_another_changed_since_says_who(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    second = suggestion_id(video, "DRIVE", 75)
    wanted = [{"id": str(one), "state": "accepted"} for one in (first, second)]
    batch(api, video, wanted, author=ANA)
    version = events(api, video, "to_s=1")[0]["version"]
    patch(*(api, video, first, {"frame": 31}, {"if-match": f'"{version}"'}), author=BO)
    before = events(api, video, "state=all")

    problem = _problem(post(api, video, "undo", author=ANA), 409, "undo-conflict")

    (conflict,) = problem["conflicts"]
    assert (conflict["event_id"], conflict["author"]) == (str(first), "local/Bo")
    assert "local/Bo" in problem["detail"]
    assert events(api, video, "state=all") == before
    walk(api, video, "undo", author=BO)
    walk(api, video, "undo", author=ANA)
    assert {one["state"] for one in events(api, video)} == {"suggested"}


def test_undoing_a_change_of_anothers_decision_gives_it_back_to_them(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    accepted = change(api, video, first, author=ANA, state="accepted").json()
    tag = {"if-match": f'"{accepted["version"]}"'}
    assert patch(api, video, first, {"state": "rejected"}, tag, author=BO).is_success

    walk(api, video, "undo", author=BO)

    event = events(api, video, "to_s=1")[0]
    assert (event["state"], event["decided_by"], event["decided_at"]) == (
        *("accepted", "local/Ana", accepted["decided_at"]),
    )
    assert change(api, video, first, author=ANA, frame=31).is_success


def test_undo_after_a_new_analysis(api: RunningApi, video: UUID, first: UUID) -> None:
    change(api, video, first, state="rejected")
    _finish(api, video, [(1033, "PASS", 0.7), (5000, "SHOT", 0.6)])
    moved = suggestion_id(video, "PASS", 31)
    assert [one["type"] for one in events(api, video)] == ["SHOT"]

    done = walk(api, video, "undo")

    assert [(one["id"], one["state"]) for one in done["events"]] == [
        (str(moved), "suggested")
    ]
    assert done["gone"] == [str(first)]
    assert [one["type"] for one in events(api, video)] == ["PASS", "SHOT"]
    walk(api, video, "redo")
    assert [one["type"] for one in events(api, video)] == ["SHOT"]


def test_another_analysis_loses_nothing_that_a_person_said(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    change(api, video, first, state="accepted")
    change(api, video, suggestion_id(video, "PASS", 121), type="SHOT", frame=123)
    change(api, video, suggestion_id(video, "DRIVE", 270), state="rejected")
    added = add(api, video, type="DRIVE", frame=180).json()["id"]
    said = {
        one["id"]: (one["type"], one["frame"], one["state"], one["version"])
        for one in events(api, video, "state=all")
        if one["state"] != "suggested"
    }

    # Another model: a bit later everywhere, one spot more, one less.
    _finish(
        api,
        video,
        [
            *((1400, "PASS", 0.5), (3000, "PASS", 0.6), (4500, "PASS", 0.45)),
            *((4533, "SHOT", 0.4), (6200, "DRIVE", 0.8), (8900, "DRIVE", 0.9)),
        ],
    )

    found = {one["id"]: one for one in events(api, video, "state=all")}
    assert {
        key: (one["type"], one["frame"], one["state"], one["version"])
        for key, one in found.items()
        if key in said
    } == said
    assert found[str(first)]["score"] == 0.5
    assert found[added]["score"] is None
    new = [
        (one["type"], one["time_s"]) for key, one in found.items() if key not in said
    ]
    assert new == [("PASS", 3.0)]
    _finish(api, video, [])
    assert {one["id"] for one in events(api, video, "state=all")} == set(said)


def test_a_page_of_before_can_still_speak_on_its_events(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    _finish(api, video, [(1066, "PASS", 0.7)])

    event = change(api, video, first, state="accepted").json()

    assert (event["id"], event["frame"], event["score"]) == (str(first), 30, 0.7)
    assert len(events(api, video)) == 1
    # The suggestion that it is shown for means the same event.
    alias = suggestion_id(video, "PASS", 32)
    assert change(api, video, alias, state="rejected").json()["id"] == str(first)
    assert history(api, video, alias) == history(api, video, first)
    shown = api.client.get(f"/videos/{video}/events/{alias}").json()
    assert shown["id"] == str(first)


def test_a_batch_is_one_step(api: RunningApi, video: UUID, first: UUID) -> None:
    wanted = [
        {"id": str(first), "state": "accepted", "version": 0},
        {"type": "SHOT", "frame": 150},
        {"id": str(first), "frame": 31},
    ]

    done = batch(api, video, wanted).json()

    assert len({one["version"] for one in done["events"]}) == 1
    assert [one["state"] for one in done["events"]] == ["edited", "added"]
    assert len(history(api, video, first)) == 1
    walk(api, video, "undo")
    assert {one["state"] for one in events(api, video, "state=all")} == {"suggested"}


@pytest.mark.parametrize(
    ("bad", "status", "slug"),
    [
        ({"id": str(UUID(int=5)), "state": "accepted"}, 404, "event-not-found"),
        ({"type": "GOAL", "frame": 3}, 422, "unknown-type"),
        ({"type": "PASS", "frame": 10**6}, 422, "frame-beyond-end"),
        ({"type": "PASS"}, 422, "invalid-request"),
        ({"id": "THEIRS", "state": "rejected"}, 428, "version-needed"),
        ({"id": "THEIRS", "state": "rejected", "version": 9}, 412, "event-changed"),
    ],
)
def test_a_batch_with_one_bad_change_says_which_and_changes_nothing(
    api: RunningApi,
    video: UUID,
    first: UUID,
    bad: dict[str, Any],
    status: int,
    slug: str,
) -> None:
    theirs = str(suggestion_id(video, "DRIVE", 270))
    change(api, video, theirs, author=ANA, state="accepted")
    before = events(api, video, "state=all")
    if bad.get("id") == "THEIRS":
        bad = {**bad, "id": theirs}
    wanted = [{"id": str(first), "state": "accepted"}, bad, {"type": "NO", "frame": 1}]

    answer = batch(api, video, wanted, author=BO)

    problem = _problem(answer, status, slug)
    assert problem["index"] == 1
    assert "changes[1]" in problem["detail"]
    assert events(api, video, "state=all") == before


def test_a_batch_that_is_malformed_names_the_place(
    api: RunningApi, video: UUID
) -> None:
    answer = batch(api, video, [{"type": "PASS", "frame": 1}, {"state": "x"}])

    (error,) = _problem(answer, 422, "invalid-request")["errors"]
    assert error["pointer"] == "#/changes/1/state"
    _problem(batch(api, video, []), 422, "invalid-request")


@pytest.mark.parametrize("name", ["add", "batch", "patch", "undo", "redo"])
def test_a_request_sent_again_with_its_key_is_done_once(
    api: RunningApi, video: UUID, first: UUID, name: str
) -> None:
    change(api, video, first, state="accepted")
    change(api, video, first, state="rejected")
    path = f"/videos/{video}/events"
    if name == "redo":
        walk(api, video, "undo")
        walk(api, video, "undo")
    method, address, body = {
        "add": ("POST", path, {"type": "SHOT", "frame": 5}),
        "batch": ("POST", f"{path}:batch", {"changes": [{"type": "SHOT", "frame": 5}]}),
        "patch": ("PATCH", f"{path}/{first}", {"frame": 32}),
        "undo": ("POST", f"{path}/undo", None),
        "redo": ("POST", f"{path}/redo", None),
    }[name]

    def send(**headers: str) -> httpx.Response:
        sent = {"idempotency-key": "k1", **headers}
        return api.client.request(method, address, json=body, headers=sent)

    answers = [send(), send()]

    assert answers[0].is_success
    assert answers[0].json() == answers[1].json()
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].headers.get("location") == answers[1].headers.get("location")
    with api.service.sessions() as session:
        steps = select(func.count(Annotation.step_id.distinct()))
        assert session.scalar(steps) == (5 if name == "redo" else 3)
    refused = send(**{"touchline-author": BO})
    _problem(refused, 422, "idempotency-key-reused")


def test_a_request_sent_again_after_its_event_was_undone_gets_what_it_made(
    api: RunningApi, video: UUID
) -> None:
    key = {"idempotency-key": "k1"}
    body, path = {"type": "SHOT", "frame": 5}, f"/videos/{video}/events"
    first = api.client.post(path, json=body, headers=key).json()
    walk(api, video, "undo")

    again = api.client.post(path, json=body, headers=key)

    assert again.status_code == 201
    assert again.json()["id"] == first["id"]
    assert len(events(api, video)) == len(SPOTS)


def test_a_request_that_is_sent_several_times_at_once_is_done_once(
    api: RunningApi, video: UUID
) -> None:
    def send(_: int) -> httpx.Response:
        body, key = {"type": "SHOT", "frame": 5}, {"idempotency-key": "k1"}
        path = f"/videos/{video}/events"
        return api.client.post(path, json=body, headers=key)

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(send, range(5)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(events(api, video, "type=SHOT")) == 1


def test_an_edit_that_waits_while_its_video_is_deleted_finds_it_gone(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    with ThreadPoolExecutor(2) as pool, api.service.sessions.begin() as session:
        session.execute(delete(Video).where(Video.id == video))
        edit = pool.submit(patch, api, video, first, {"state": "accepted"})
        new = pool.submit(add, api, video, type="PASS", frame=3)
        eventually(lambda: waiting_for_a_lock(api) == 2)

    for answer in (edit.result(), new.result()):
        _problem(answer, 404, "video-not-found")


def test_edits_at_once_are_steps_one_after_another(
    api: RunningApi, video: UUID
) -> None:
    frames = range(1, 25)
    start = threading.Barrier(8)

    def add_one(frame: int) -> int:
        if frame <= 8:
            start.wait(timeout=20)
        return add(api, video, type="SHOT", frame=frame).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(add_one, frames))

    assert statuses == [201] * len(frames)
    shots = events(api, video, "type=SHOT")
    assert [one["frame"] for one in shots] == list(frames)
    assert sorted(one["version"] for one in shots) == list(frames)
    assert revision(api, video) == len(frames)


def test_of_two_edits_of_one_version_one_is_refused(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    def edit(author: str) -> int:
        body = {"attributes": {"note": author}}
        sent = {"if-match": '"0"'}
        return patch(api, video, first, body, sent, author=author).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(edit, "abcdef"))

    assert statuses == [200, 412, 412, 412, 412, 412]
    assert len(history(api, video, first)) == 1


@pytest.mark.costly
def test_what_is_seen_is_never_half_a_step(api: RunningApi, video: UUID) -> None:
    """Whoever reads while a batch is undone and redone sees all of it, or nothing."""
    batch(api, video, [{"type": "SHOT", "frame": frame} for frame in range(50)])
    done = threading.Event()
    seen: set[int] = set()

    def look() -> None:
        while not done.is_set():
            seen.add(len(events(api, video, "type=SHOT&limit=1000")))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(5):
            walk(api, video, "undo")
            walk(api, video, "redo")
    finally:
        done.set()
        thread.join(60)

    assert seen <= {0, 50}
    assert 50 in seen


def test_decisions_are_what_the_log_says(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    change(api, video, first, state="accepted")
    add(api, video, type="SHOT", frame=4)
    change(api, video, first, frame=33, attributes={"player": "4"})
    walk(api, video, "undo")
    walk(api, video, "redo")
    walk(api, video, "undo")

    with api.service.sessions() as session:
        lines = session.scalars(select(Annotation).order_by(Annotation.revision))
        told = {line.event_id: line.after for line in lines}
        rows = session.scalars(select(Decision)).all()
    assert {row.event_id for row in rows} == {
        event_id for event_id, after in told.items() if after is not None
    }
    for row in rows:
        after = told[row.event_id]
        assert after is not None
        for name in ("state", "label", "frame", "time_ms", "score", "attributes"):
            assert getattr(row, name) == after[name]


def test_an_etag_changes_with_every_step_and_every_analysis(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    path = f"/videos/{video}/events?limit=2"
    tags = [api.client.get(path).headers["etag"]]
    change(api, video, first, state="accepted")
    tags.append(api.client.get(path).headers["etag"])
    change(api, video, first, state="accepted")  # says nothing new
    same = api.client.get(path, headers={"if-none-match": f'"x", W/{tags[-1]}'})
    _finish(api, video, SPOTS)
    tags.append(api.client.get(path).headers["etag"])

    assert len(set(tags)) == 3
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == tags[1]
    stale = api.client.get(path, headers={"if-none-match": tags[1]})
    assert stale.status_code == 200


def test_corrections_while_a_list_is_paged_repeat_and_lose_nothing(
    api: RunningApi, video: UUID
) -> None:
    page = api.client.get(f"/videos/{video}/events?limit=2")
    seen = [one["id"] for one in page.json()["items"]]
    added = add(api, video, type="SHOT", frame=260).json()["id"]
    change(api, video, seen[0], state="rejected")
    while following := page.links.get("next", {}).get("url"):
        page = api.client.get(following)
        seen += [one["id"] for one in page.json()["items"]]

    assert len(seen) == len(set(seen)) == len(SPOTS) + 1
    assert added in seen


def test_a_video_without_analysis_shows_what_people_added(api: RunningApi) -> None:
    video = UUID(_upload(api)["id"])
    _finish(api, video, SPOTS)
    added = add(api, video, type="SHOT", frame=5).json()["id"]
    with api.service.sessions.begin() as session:
        session.get_one(Video, video).current_analysis_id = None

    assert [one["id"] for one in events(api, video)] == [added]
    _problem(api.client.get(f"/videos/{video}/events?source=model"), 409, "no-timeline")
    assert add(api, video, type="SHOT", frame=6).status_code == 201
    _problem(add(api, video, type="PASS", frame=6), 422, "unknown-type")
    assert len(api.client.get(f"/videos/{video}/events.csv").text.splitlines()) == 3
    _problem(patch(api, video, uuid4(), {"frame": 5}), 404, "event-not-found")


def test_types_that_the_project_defines_can_be_used_and_asked_for(
    api: RunningApi, video: UUID
) -> None:
    _problem(add(api, video, type="THROW-IN", frame=6), 422, "unknown-type")
    types = [{"name": "THROW-IN", "key": "1", "colour": "#00ff00"}]
    assert api.client.put("/types", json={"items": types}).is_success

    assert events(api, video, "type=THROW-IN") == []
    added = add(api, video, type="THROW-IN", frame=6).json()

    assert events(api, video, "type=THROW-IN") == [added]
    problem = _problem(add(api, video, type="GOAL", frame=6), 422, "unknown-type")
    assert problem["types"] == ["PASS", "DRIVE", "SHOT", "THROW-IN"]


def test_frames_are_those_that_decoding_saw(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    times = FrameTimes(np.array([0.0, 0.04, 1.0, 1.0334, 2.0]), 2.5)
    stored = api.service.storage.put(f"videos/{video}/times", times.to_bytes())
    with api.service.sessions.begin() as session:
        session.get_one(Video, video).frame_times_key = stored.key

    by_frame = change(api, video, first, frame=3).json()
    by_time = change(api, video, first, time_s=1.999).json()

    assert (by_frame["frame"], by_frame["time_s"]) == (3, 1.033)
    assert (by_time["frame"], by_time["time_s"]) == (3, 1.033)
    _problem(patch(api, video, first, {"frame": 5}), 422, "frame-beyond-end")
    _problem(patch(api, video, first, {"time_s": 2.5}), 422, "frame-beyond-end")


def test_people_go_on_where_saved_thresholds_cannot_be_applied_any_more(
    api: RunningApi, video: UUID, first: UUID
) -> None:
    with api.service.sessions.begin() as session:
        analysis = session.scalars(select(Analysis)).one()
        save_for_video(session, analysis, {"PASS": 0.85}, author="local")
        api.service.storage.delete(str(analysis.scores_key))

    assert change(api, video, first, state="accepted").is_success
    assert add(api, video, type="DRIVE", frame=6).is_success
    walk(api, video, "undo")
    assert len(events(api, video)) == len(SPOTS)
    asked = api.client.get(f"/videos/{video}/events?threshold.PASS=0.85")
    assert asked.status_code in (404, 409)


def batch(
    api: RunningApi,
    video: UUID,
    changes: list[dict[str, Any]],
    author: str | None = None,
) -> httpx.Response:
    headers = {"touchline-author": author} if author else {}
    path = f"/videos/{video}/events:batch"
    return api.client.post(path, json={"changes": changes}, headers=headers)


def post(
    api: RunningApi, video: UUID, direction: str, author: str | None = None
) -> httpx.Response:
    headers = {"touchline-author": author} if author else {}
    return api.client.post(f"/videos/{video}/events/{direction}", headers=headers)


def walk(
    api: RunningApi, video: UUID, direction: str, author: str | None = None
) -> dict[str, Any]:
    """Undo or redo, which must work."""
    answer = post(api, video, direction, author)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def bare(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the versions, which go up with undoing, too."""
    return [{**one, "version": one["version"] > 0} for one in found]


def waiting_for_a_lock(api: RunningApi) -> int:
    """Count the statements that wait for another transaction to end."""
    with api.service.sessions() as session:
        found: int = session.scalar(
            text(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
                "and datname = current_database()"
            )
        )
    return found


def revision(api: RunningApi, video: UUID) -> int:
    with api.service.sessions() as session:
        return session.scalars(select(Video.revision).where(Video.id == video)).one()
