"""Changes as they happen, by server-sent events, over real HTTP and a real Postgres."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text, update

from app.annotations.tables import Annotation, ReviewedStretch
from app.core.db.base import new_id, utc_now
from app.core.db.project_sessions import sessions_of
from app.core.db.session import Sessions
from app.core.http.access import KEY_COOKIE
from app.core.principal import DEFAULT_PROJECT_ID, Principal
from app.core.settings import Settings
from app.jobs.tables import Job, JobStatus
from app.keys.service import create_key
from app.projects.tables import Project
from app.streams import subscription
from app.streams.hub import StreamHub
from app.timelines.suggestions import suggestion_id
from app.timelines.tables import ModelThresholds, VideoThresholds
from app.trainings.options import TrainingOptions
from app.trainings.service import add_training
from app.videos.tables import Video
from tests.api_server import RunningApi, eventually, read_problem, running_api
from tests.integration.test_api import SPOTS
from tests.integration.test_api import _finish as finish

PATIENCE_S = 30
AUTHOR = "key:default/Ada"


@dataclass
class Heard:
    """What came on a stream so far."""

    lines: list[str] = field(default_factory=list)
    is_over: bool = False
    status: int = 0

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Read the events, with their name under `event` and their id under `id`."""
        found = []
        for block in "\n".join(self.lines).split("\n\n"):
            fields = dict(
                line.split(": ", 1)
                for line in block.splitlines()
                if ": " in line and not line.startswith(":")
            )
            if {"event", "data"} <= fields.keys():  # the last may still be coming
                data = json.loads(fields["data"])
                found.append(
                    {"event": fields["event"], "sse_id": fields.get("id"), **data}
                )
        return [one for one in found if kind is None or one["event"] == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        eventually(lambda: len(self.events(kind)) >= count)
        return self.events(kind)


@contextmanager
def listening(
    api: RunningApi, path: str, headers: dict[str, str] | None = None
) -> Iterator[Heard]:
    """Listen in a thread until the block ends."""
    heard = Heard()
    parts = urlsplit(api.url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE_S)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    heard.status = answer.status
    if answer.status == 200:
        assert answer.headers["content-type"].startswith("text/event-stream")
    sock = connection.sock

    def read() -> None:
        try:
            for line in answer:
                heard.lines.append(line.decode().rstrip("\n"))
        except (OSError, ValueError, AttributeError):
            pass
        heard.is_over = True

    thread = threading.Thread(target=read)
    thread.start()
    try:
        if answer.status == 200:
            heard.wait_for("state")
        yield heard
    finally:
        if sock is not None:
            with_shutdown(sock)
        thread.join(PATIENCE_S)
        connection.close()


def with_shutdown(sock: Any) -> None:
    """Leave, as a browser does that closes a page."""
    with suppress(OSError):
        sock.shutdown(2)


@pytest.fixture
def video_id(api: RunningApi) -> UUID:
    return upload(api)


def upload(api: RunningApi) -> UUID:
    answer = api.client.post("/videos", files={"file": b"not looked at"})
    return UUID(answer.json()["id"])


def hub_of(api: RunningApi) -> StreamHub:
    hub = api.app.state.streams
    assert isinstance(hub, StreamHub)
    return hub


def decide(
    sessions: Sessions, video_id: UUID, *events: UUID, author: str = AUTHOR
) -> UUID:
    """Leave what a request of a person leaves: one step, one revision."""
    step_id = uuid4()
    with sessions.begin() as session:
        revision = raise_revision(session, video_id)
        session.add_all(
            Annotation(
                video_id=video_id,
                revision=revision,
                step_id=step_id,
                event_id=event_id,
                author=author,
                action="accept",
                before=None,
                after={},
                reverts=None,
                created_at=utc_now(),
            )
            for event_id in events
        )
    return step_id


def raise_revision(session: Any, video_id: UUID) -> int:
    statement = (
        update(Video)
        .where(Video.id == video_id)
        .values(revision=Video.revision + 1)
        .returning(Video.revision)
    )
    revision: int = session.scalar(statement)
    return revision


def review(sessions: Sessions, video_id: UUID, from_ms: int, to_ms: int) -> None:
    with sessions.begin() as session:
        raise_revision(session, video_id)
        session.add(
            ReviewedStretch(
                video_id=video_id,
                from_ms=from_ms,
                to_ms=to_ms,
                author=AUTHOR,
                created_at=utc_now(),
            )
        )


def set_job(sessions: Sessions, video_id: UUID, **values: object) -> None:
    with sessions.begin() as session:
        statement = update(Job).where(Job.video_id == video_id, Job.kind == "spot")
        session.execute(statement.values(**values))


def test_a_decision_is_told_with_who_what_and_its_revision(
    api: RunningApi, video_id: UUID
) -> None:
    sessions, events = api.service.sessions, [uuid4(), uuid4()]
    with listening(api, f"/videos/{video_id}/stream") as heard:
        step_id = decide(sessions, video_id, *events)
        told = heard.wait_for("decision")

    assert len(told) == 1
    assert (told[0]["revision"], told[0]["sse_id"]) == (1, "1")
    assert (told[0]["step_id"], told[0]["author"]) == (str(step_id), AUTHOR)
    assert sorted(told[0]["events"]) == sorted(map(str, events))
    assert heard.events("thresholds") == heard.events("reviewed") == []


def test_what_people_do_over_the_api_is_told_by_its_kind(
    api: RunningApi,
) -> None:
    video_id = upload(api)
    finish(api, video_id, SPOTS)
    own, sessions = f"/videos/{video_id}", api.service.sessions
    event_id = suggestion_id(video_id, "PASS", 30)
    stretch = {"intervals": [{"from_s": 0, "to_s": 1}]}
    with listening(api, f"{own}/stream") as heard:
        ask = partial(done, api)
        ask("PATCH", f"{own}/events/{event_id}", {"state": "accepted"})
        heard.wait_for("decision")
        ask("POST", f"{own}/reviewed", stretch["intervals"][0])
        heard.wait_for("reviewed")
        assert heard.events("thresholds") == []
        save_thresholds(sessions, video_id)
        heard.wait_for("thresholds")
        ask("POST", f"{own}/events/undo", None)
        heard.wait_for("decision", 2)
        save_model_thresholds(sessions)
        heard.wait_for("thresholds", 2)

    told = [(one["event"], one["sse_id"]) for one in heard.events()]
    assert told[0] == ("state", "0")
    assert [one for one in told[1:] if one[0] not in ("job", "video")] == [
        *(("decision", "1"), ("reviewed", "2"), ("thresholds", "3")),
        *(("decision", "4"), ("thresholds", "4")),  # those of models have no revision
    ]
    first = heard.events("decision")[0]
    assert (first["events"], first["author"]) == ([str(event_id)], "local")


def done(api: RunningApi, method: str, path: str, body: object) -> None:
    answer = api.client.request(method, path, json=body)
    assert answer.is_success, answer.text


def save_thresholds(sessions: Sessions, video_id: UUID) -> None:
    """Leave what PUT /videos/{id}/thresholds leaves."""
    with sessions.begin() as session:
        raise_revision(session, video_id)
        session.add(
            VideoThresholds(
                video_id=video_id,
                weights="f00d",
                thresholds={"PASS": 0.3},
                saved_by=AUTHOR,
                saved_at=utc_now(),
            )
        )


def save_model_thresholds(sessions: Sessions) -> None:
    """Leave what PUT /models/{name}/thresholds leaves."""
    with sessions.begin() as session:
        session.add(
            ModelThresholds(
                project_id=DEFAULT_PROJECT_ID,
                weights=str(uuid4()),
                thresholds={"PASS": 0.3},
                saved_by=AUTHOR,
                saved_at=utc_now(),
            )
        )


def test_a_client_that_comes_back_misses_nothing(
    api: RunningApi, video_id: UUID
) -> None:
    sessions, path = api.service.sessions, f"/videos/{video_id}/stream"
    steps = [str(decide(sessions, video_id, uuid4())) for _ in range(3)]
    review(sessions, video_id, 0, 500)

    with listening(api, path, {"Last-Event-ID": "1"}) as heard:
        later = heard.wait_for("decision", 2)
        heard.wait_for("reviewed")
        heard.wait_for("thresholds")  # what it was, nobody can tell any more
    with listening(api, f"{path}?since=2") as since:
        since.wait_for("decision")
    with listening(api, f"{path}?since=0", {"Last-Event-ID": "4"}) as up_to_date:
        steps.append(str(decide(sessions, video_id, uuid4())))
        up_to_date.wait_for("decision")

    assert [one["step_id"] for one in later] == steps[1:3]
    assert heard.events("state")[0]["revision"] == 1
    assert [one["step_id"] for one in since.events("decision")] == [steps[2]]
    assert [one["step_id"] for one in up_to_date.events("decision")] == [steps[3]]
    assert up_to_date.events("reviewed") == []


def test_who_knows_more_than_the_server_or_missed_too_much_reads_all_anew(
    api: RunningApi, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.streams.changes.MAX_STEPS", 3)
    sessions, path = api.service.sessions, f"/videos/{video_id}/stream"
    for _ in range(5):
        decide(sessions, video_id, uuid4())

    with listening(api, path, {"Last-Event-ID": "99"}) as ahead:
        assert ahead.wait_for("reset")[0]["sse_id"] == "5"
    with listening(api, path, {"Last-Event-ID": "1"}) as behind:
        assert behind.wait_for("reset")[0]["sse_id"] == "5"
        decide(sessions, video_id, uuid4())
        assert behind.wait_for("decision")[0]["revision"] == 6
    with (
        listening(api, path, {"Last-Event-ID": "3"}) as near,
        listening(api, path, {"Last-Event-ID": "0"}) as far,
    ):
        assert len(near.wait_for("decision", 3)) == 3
        far.wait_for("reset")
    assert near.events("reset") == []  # whoever is behind costs the others nothing


def test_a_step_of_very_many_events_does_not_name_them(
    api: RunningApi, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.streams.changes.MAX_EVENTS", 3)
    with listening(api, f"/videos/{video_id}/stream") as heard:
        decide(api.service.sessions, video_id, *(uuid4() for _ in range(4)))

        assert heard.wait_for("decision")[0]["events"] is None


@pytest.mark.parametrize("sent", ["x", "-1", "1.5", "9" * 30, "²"])
def test_an_id_that_is_none_of_ours_is_refused(
    api: RunningApi, video_id: UUID, sent: str
) -> None:
    headers = [(b"last-event-id", sent.encode())]
    answer = api.client.get(f"/videos/{video_id}/stream", headers=headers)

    assert answer.status_code == 422
    assert "Last-Event-ID" in answer.json()["detail"]


def test_the_progress_of_a_job_is_told_and_its_end(
    api: RunningApi, video_id: UUID
) -> None:
    sessions, other = api.service.sessions, upload(api)
    running = {"status": JobStatus.RUNNING, "stage": "spot", "progress": 0.25}
    with listening(api, f"/videos/{video_id}/stream") as heard:
        set_job(sessions, video_id, **running, eta_s=12.5)
        set_job(sessions, other, **running)
        eventually(lambda: any(one["progress"] for one in heard.events("job")))
        set_job(sessions, video_id, progress=0.5)
        eventually(lambda: heard.events("job")[-1]["progress"] == 0.5)
        set_job(
            sessions,
            video_id,
            status=JobStatus.FAILED,
            error_code="unreadable_video",
            error_detail="Damaged.",
            finished_at=utc_now(),
        )
        eventually(lambda: heard.events("job")[-1]["status"] == "failed")
        eventually(lambda: heard.lines[-1] == "")  # the event's last line
        count = len(heard.lines)
        time.sleep(3 * 0.5)

    assert len(heard.lines) == count  # Nothing changed, so nothing was sent.
    jobs = heard.events("job")
    assert {one["video_id"] for one in jobs} == {str(video_id)}
    quarter = next(one for one in jobs if one["progress"] == 0.25)
    assert (quarter["stage"], quarter["eta_s"]) == ("spot", 12.5)
    assert jobs[-1]["error"] == {"code": "unreadable_video", "detail": "Damaged."}
    assert {one["sse_id"] for one in jobs} == {None}


def test_a_job_that_ends_at_once_or_is_canceled_while_it_waits_is_told(
    api: RunningApi, video_id: UUID
) -> None:
    sessions = api.service.sessions
    old = UUID(int=7)  # made long ago: found by its end alone
    with sessions.begin() as session:
        session.add(Job(id=old, video_id=video_id, created_at=utc_now()))
    with listening(api, f"/videos/{video_id}/stream") as heard:
        heard.wait_for("job")
        assert str(old) not in {one["id"] for one in heard.events("job")}
        answer = api.client.post(f"/jobs/{old}/cancel")
        eventually(lambda: heard.events("job")[-1]["id"] == str(old))

    assert answer.status_code == 202
    assert heard.events("job")[-1]["status"] == "canceled"


def test_the_end_of_a_job_is_told_though_the_clock_of_the_api_is_ahead(
    api: RunningApi, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = timedelta(hours=1)
    monkeypatch.setattr("app.streams.changes.utc_now", lambda: utc_now() + ahead)
    old = UUID(int=8)
    with api.service.sessions.begin() as session:
        session.add(Job(id=old, video_id=video_id, created_at=utc_now()))
    with listening(api, f"/videos/{video_id}/stream") as heard:
        heard.wait_for("state")
        api.client.post(f"/jobs/{old}/cancel")
        eventually(lambda: str(old) in {one["id"] for one in heard.events("job")})


def test_changed_facts_and_a_deletion_are_told(api: RunningApi, video_id: UUID) -> None:
    with listening(api, f"/videos/{video_id}/stream") as heard:
        with api.service.sessions.begin() as session:
            session.get_one(Video, video_id).title = "Cup final"
        changed = heard.wait_for("video")
        api.client.delete(f"/videos/{video_id}")
        gone = heard.wait_for("video", 2)
        eventually(lambda: heard.is_over)
    again = api.client.get(f"/videos/{video_id}/stream")

    assert changed[0]["deleted"] is False
    assert gone[-1] == {
        **{"event": "video", "sse_id": None, "id": str(video_id), "deleted": True}
    }
    assert again.status_code == 404


def test_the_library_hears_of_the_jobs_of_its_own_project_alone(
    api: RunningApi,
) -> None:
    sessions = api.service.sessions
    own, foreign, project = upload(api), new_id(), new_id()
    with sessions.begin() as session:
        session.add(Project(id=project, name="other", created_at=utc_now()))
        session.flush()
        session.add(
            Video(
                id=foreign,
                project_id=project,
                storage_key="key",
                size_bytes=1,
                sha256="x",
                created_at=utc_now(),
            )
        )
        session.flush()
        session.add(Job(id=new_id(), video_id=foreign, created_at=utc_now()))

    with listening(api, "/stream") as heard:
        set_job(sessions, foreign, status=JobStatus.RUNNING)
        later = upload(api)
        set_job(sessions, own, status=JobStatus.RUNNING, progress=0.5)
        eventually(
            lambda: (
                {str(own), str(later)}
                <= {one["video_id"] for one in heard.events("job")}
            )
        )
        eventually(lambda: any(one["progress"] == 0.5 for one in heard.events("job")))
    refused = api.client.get(f"/videos/{foreign}/stream")

    assert str(foreign) not in "\n".join(heard.lines)
    assert heard.events("state")[0]["sse_id"] is None
    assert refused.status_code == 404


def test_trainings_are_told_of_though_they_have_no_video(
    api: RunningApi, video_id: UUID
) -> None:
    path = f"/videos/{video_id}/stream"
    with listening(api, "/stream") as heard, listening(api, path) as of_video:
        sessions = api.service.sessions
        with sessions_of(
            sessions, Principal("local", "", UUID(int=9))
        ).begin() as their:
            if their.get(Project, UUID(int=9)) is None:
                their.add(Project(id=UUID(int=9), name="nine", created_at=utc_now()))
                their.flush()
            add_training(their, name="x", base=None, options=TrainingOptions())
        with sessions.begin() as session:
            _, job = add_training(
                session, name="hall", base=None, options=TrainingOptions()
            )
        eventually(lambda: trainings_in(heard) != [])
        api.client.patch(f"/videos/{video_id}", json={"title": "told"})
        of_video.wait_for("video")

    told = trainings_in(heard)[0]
    assert (told["video_id"], told["status"]) == (None, "queued")
    assert {one["id"] for one in trainings_in(heard)} == {str(job.id)}
    assert trainings_in(of_video) == []


def trainings_in(heard: Heard) -> list[dict[str, Any]]:
    return [one for one in heard.events("job") if one["kind"] == "train"]


def test_all_clients_share_one_look_and_hold_no_connection_to_the_database(
    api: RunningApi, video_id: UUID
) -> None:
    path = f"/videos/{video_id}/stream"
    pool = api.service.engine.pool
    with (
        listening(api, path) as one,
        listening(api, path) as two,
        listening(api, "/stream") as three,
    ):
        decide(api.service.sessions, video_id, uuid4())
        for heard in (one, two):
            heard.wait_for("decision")
        three.wait_for("job")
        eventually(lambda: pool.checkedout() == 0)  # type: ignore[attr-defined]  # QueuePool has it
        threads = [one for one in threading.enumerate() if "AnyIO" in one.name]
        assert len(hub_of(api)) == 3

    eventually(lambda: len(hub_of(api)) == 0)
    assert len(threads) <= 8
    assert one.events("decision") == two.events("decision")


def test_no_more_clients_than_allowed(api_settings: Settings) -> None:
    settings = api_settings.model_copy(update={"max_streams": 2})
    with running_api(settings) as api:
        with listening(api, "/stream"), listening(api, "/stream"):
            with api.connect() as connection:
                connection.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
                problem = read_problem(connection, status=503, slug="too-many-streams")
            assert "TOUCHLINE_MAX_STREAMS" in problem["detail"]
        eventually(lambda: len(hub_of(api)) == 0)
        with listening(api, "/stream") as heard:
            assert heard.status == 200


def test_a_head_request_ends_at_once(api: RunningApi, video_id: UUID) -> None:
    answer = api.client.head(f"/videos/{video_id}/stream")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert len(hub_of(api)) == 0


def test_a_quiet_stream_shows_that_it_lives(
    api: RunningApi, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "HEARTBEAT_S", 0.2)
    with listening(api, "/stream") as heard:
        eventually(lambda: heard.lines.count(": heartbeat") >= 3)


def test_the_key_may_come_in_a_cookie_as_browsers_send_it(
    api_settings: Settings,
) -> None:
    key = "s3cret key"
    guarded = api_settings.model_validate({**api_settings.model_dump(), "api_key": key})
    with running_api(guarded) as api:
        refused = api.client.get("/stream")
        with listening(
            api, "/stream", {"cookie": f"{KEY_COOKIE}={quote(key)}"}
        ) as heard:
            assert heard.status == 200

    assert refused.status_code == 401


def test_a_stream_ends_with_its_key_and_others_go_on(api: RunningApi) -> None:
    with api.service.sessions.begin() as session:
        first, second = (
            create_key(
                session,
                name="a page",
                scopes=["read"],
                project_id=DEFAULT_PROJECT_ID,
                now=utc_now(),
            )
            for _ in range(2)
        )
    bearers = [{"authorization": f"Bearer {one.text}"} for one in (first, second)]
    with (
        listening(api, "/stream", bearers[0]) as revoked,
        listening(api, "/stream", bearers[1]) as other,
    ):
        assert (revoked.status, other.status) == (200, 200)
        api.client.delete(f"/keys/{first.row.id}")

        eventually(lambda: revoked.is_over)
        assert not other.is_over


def test_a_page_of_another_site_may_not_listen(api: RunningApi) -> None:
    answer = api.client.get("/stream", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403


def test_streams_end_with_the_server_at_once(api_settings: Settings) -> None:
    with running_api(api_settings) as api, listening(api, "/stream") as heard:
        # It has no limit on how long it waits for answers under way.
        assert api.server.config.timeout_graceful_shutdown is None
        api.server.should_exit = True
        eventually(lambda: heard.is_over)


def test_a_database_that_leaves_for_a_while_costs_no_stream(
    api: RunningApi, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.streams.hub.AFTER_TROUBLE_S", 0.2)
    sessions = api.service.sessions
    cut = text(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = "
        "current_database() and pid <> pg_backend_pid()"
    )
    with listening(api, f"/videos/{video_id}/stream") as heard:
        heard.wait_for("job")
        with sessions() as session:
            session.execute(cut)
        eventually(lambda: decided(sessions, video_id))

        assert heard.wait_for("decision")
        assert not heard.is_over


def decided(sessions: Sessions, video_id: UUID) -> bool:
    """Decide, unless the connection was one of those that were cut."""
    try:
        decide(sessions, video_id, uuid4())
    except Exception:  # noqa: BLE001  # whatever the driver calls it
        return False
    return True


def test_a_client_that_leaves_is_forgotten(api: RunningApi, video_id: UUID) -> None:
    for _ in range(3):
        with httpx.stream("GET", f"{api.url}/videos/{video_id}/stream") as answer:
            next(answer.iter_lines())
    eventually(lambda: len(hub_of(api)) == 0)
