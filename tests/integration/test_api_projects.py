"""Whoever asks sees and changes the rows of one project, on every route."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from app.batches.items import BatchSourceItem
from app.batches.service import BatchRequest, create_batch
from app.batches.tables import Batch
from app.clips.tables import Clip
from app.comparisons.service import ask_for_comparison, keep_result
from app.comparisons.tables import Comparison
from app.core.db.base import Base, new_id, utc_now
from app.core.db.project_sessions import sessions_of
from app.core.http.cursors import EventsCursor
from app.core.principal import DEFAULT_PROJECT_ID, LOCAL, Principal
from app.event_types.queries import type_names
from app.event_types.tables import EventType
from app.idempotency.fingerprints import job_fingerprint
from app.idempotency.service import mark_used, used_before
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job
from app.keys.service import create_key
from app.keys.tables import ApiKey
from app.live.tables import LiveChange, LiveGap, LiveSegment, LiveStream
from app.osl.tables import OslJob
from app.projects.tables import Project
from app.retention.service import Rules, set_rules
from app.search.tables import (
    SavedSearch,
    SearchedCount,
    SearchedEvent,
    SearchedTimeline,
)
from app.tables import metadata
from app.timelines.tables import ModelThresholds, VideoThresholds
from app.trainings.options import TrainingOptions
from app.trainings.service import Point, add_line, add_points, add_training
from app.trainings.tables import Training
from app.uploads.tables import ResumableUpload
from app.videos.tables import Video
from app.webhooks.service import make_ping
from app.webhooks.tables import DeliveryStatus, Webhook
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests
from tests.integration.test_api import SPOTS, _add_delivery, _finish, _upload

OTHER = UUID(int=2)
BODIES: dict[tuple[str, str], Any] = {  # of routes that take none but whole ones
    ("post", "/videos/{video_id}/events"): {"type": "PASS", "frame": 1},
    ("patch", "/videos/{video_id}/events/{event_id}"): {"state": "rejected"},
    ("post", "/videos/{video_id}/events:batch"): {
        "changes": [{"type": "PASS", "frame": 1}]
    },
    ("post", "/videos/{video_id}/clips"): {},
    ("post", "/videos/{video_id}/reports"): {},
    ("post", "/batches/{batch_id}/items"): {},
    ("post", "/webhooks/{webhook_id}/replay"): {"since": utc_now().isoformat()},
    ("patch", "/searches/{search_id}"): {"name": "another name"},
    ("post", "/api/v1/uploads/{upload_id}/complete"): {"parts": []},
    ("post", "/presigned-uploads/{upload_id}/parts"): {"numbers": [1]},
    ("post", "/presigned-uploads/{upload_id}/complete"): {},
    ("put", "/videos/{video_id}/reviewed"): {"intervals": []},
    ("post", "/videos/{video_id}/reviewed"): {"from_s": 2, "to_s": 3},
}
NONE_YET = (  # of a video that is seen
    *("/problems/no-thumbnails", "/problems/frames-unknown"),
    "/problems/report-not-ready",
    "/problems/format-cannot-hold",  # chapters need three events
    "/problems/result-not-ready",
    *("/problems/segment-not-found", "/problems/presigned-uploads-off"),
)
TUS = {
    **{"tus-resumable": "1.0.0", "upload-offset": "0"},
    "content-type": "application/offset+octet-stream",
}
SOMEBODY = Principal("key", "somebody", OTHER)
OPEN = (
    *("/healthz", "/readyz", "/problems/{slug}", "/models"),  # of no project
    "/models/{model}/thresholds",  # where each project has its own
    *("/models/{model}", "/models/{model}/file"),
    *("/models/{model}/archive", "/models/{model}/restore"),
)


class Things(NamedTuple):
    """A video with all that can hang on one."""

    video: UUID
    job: UUID
    delivery: UUID
    event: UUID
    key: str
    upload: UUID
    presigned: UUID
    clip: UUID
    webhook: UUID
    ping: UUID
    search: UUID
    inference: UUID
    report: UUID
    training: UUID
    comparison: UUID
    batch: UUID

    def address(self, path: str) -> str:
        is_webhooks = path.startswith("/webhooks")
        is_presigned = path.startswith("/presigned-uploads")
        return path.format(
            video_id=self.video,
            job_id=self.job,
            webhook_id=self.webhook,
            delivery_id=self.ping if is_webhooks else self.delivery,
            event_id=self.event,
            key_id=self.key,
            upload_id=self.presigned if is_presigned else self.upload,
            clip_id=self.clip,
            search_id=self.search,
            inference_id=self.inference,
            number=1,
            segment="seg1.mp4",
            report_id=self.report,
            training_id=self.training,
            comparison_id=self.comparison,
            batch_id=self.batch,
        )


@pytest.fixture(scope="module")
def api(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    with postgres.fresh_database() as url:
        data_dir = tmp_path_factory.mktemp("data")
        with running_api(make_settings(data_dir=data_dir, database_url=url)) as running:
            yield running


@pytest.fixture(scope="module")
def ours(api: RunningApi) -> Things:
    return make_things(api)


@pytest.fixture(scope="module")
def theirs(api: RunningApi, ours: Things) -> Things:
    """The same in another project, made later than ours."""
    things = make_things(api)
    assert things.video > ours.video
    with api.service.sessions.begin() as session:
        session.add(Project(id=OTHER, name="other", created_at=utc_now()))
        session.flush()
        session.execute(
            update(Video).where(Video.id == things.video).values(project_id=OTHER)
        )
        session.execute(
            update(ModelThresholds)
            .where(ModelThresholds.weights == str(things.video))
            .values(project_id=OTHER)
        )
        session.add(EventType(project_id=OTHER, position=0, name="PASS"))
        set_rules(session, OTHER, Rules(video_days=36500), author="theirs")
        session.execute(
            update(ResumableUpload)
            .where(ResumableUpload.id.in_((things.upload, things.presigned)))
            .values(project_id=OTHER)
        )
        for table in (SearchedTimeline, SearchedEvent, SearchedCount):
            session.execute(
                update(table)
                .where(table.video_id == things.video)
                .values(project_id=OTHER)
            )
        session.execute(
            update(SavedSearch)
            .where(SavedSearch.id == things.search)
            .values(project_id=OTHER)
        )
        session.execute(
            update(OslJob).where(OslJob.id == things.inference).values(project_id=OTHER)
        )
        session.execute(
            update(ApiKey).where(ApiKey.id == things.key).values(project_id=OTHER)
        )
        session.execute(
            update(Webhook).where(Webhook.id == things.webhook).values(project_id=OTHER)
        )
        its_jobs = select(Training.job_id).where(Training.id == things.training)
        compares = select(Comparison.job_id).where(Comparison.id == things.comparison)
        session.execute(
            update(Job)
            .where(
                or_(
                    Job.video_id == things.video,
                    Job.id.in_(its_jobs.union(compares)),
                )
            )
            .values(project_id=OTHER)
        )
        session.execute(
            update(Training)
            .where(Training.id == things.training)
            .values(project_id=OTHER)
        )
        session.execute(
            update(Comparison)
            .where(Comparison.id == things.comparison)
            .values(project_id=OTHER)
        )
        session.execute(
            update(Batch).where(Batch.id == things.batch).values(project_id=OTHER)
        )
    return things


def make_things(api: RunningApi) -> Things:
    video = UUID(_upload(api)["id"])
    _finish(api, video, SPOTS)
    job = UUID(api.client.get(f"/videos/{video}").json()["job"]["id"])
    added = {"type": "PASS", "frame": 7}
    event = api.client.post(f"/videos/{video}/events", json=added).json()["id"]
    api.client.post(f"/videos/{video}/reviewed", json={"from_s": 0, "to_s": 1})
    assert api.client.get("/events").status_code == 200  # Copies what is searched.
    search = {"name": str(video), "query": {"type": ["PASS"], "state": ["all"]}}
    search_id = api.client.post("/searches", json=search).json()["id"]
    report = api.client.post(f"/videos/{video}/reports", json={})
    report_id = report.json()["id"]
    upload = api.client.post("/uploads", headers={**TUS, "upload-length": "7"})
    api.client.put("/types", json={"items": [{"name": "PASS"}]})
    thresholds = {"weights": str(video), "thresholds": {"PASS": 0.5}}
    saved = {**thresholds, "saved_by": "me", "saved_at": utc_now()}
    presigned = ResumableUpload(
        **{"id": new_id(), "size_bytes": 7, "part_bytes": 7, "multipart_id": "m"},
        **{"client_metadata": "", "fields": {}, "created_at": utc_now()},
        expires_at=utc_now() + timedelta(days=1),
    )
    with api.service.sessions.begin() as session:
        session.add(presigned)
        session.add(VideoThresholds(video_id=video, **saved))
        session.add(ModelThresholds(project_id=DEFAULT_PROJECT_ID, **saved))
        key = create_key(
            session,
            name="a key",
            scopes=["read"],
            project_id=DEFAULT_PROJECT_ID,
            now=utc_now(),
        ).row
        clip = Clip(
            video_id=video,
            form="playlist",
            mode="exact",
            options={"lead_s": 1.0, "lag_s": 1.0, "merge": True, "order": "time"},
            events=[],
            cuts=[],
            created_at=utc_now(),
        )
        inference = OslJob(
            project_id=DEFAULT_PROJECT_ID,
            key=str(video),
            fingerprint="",
            model="tiny",
            head="action",
            labels=[],
            items=[],
            created_at=utc_now(),
        )
        session.add_all((clip, inference))
        session.flush()
        clip_id, inference_id = clip.id, inference.id
        set_rules(session, DEFAULT_PROJECT_ID, Rules(video_days=36500), author="ours")
        webhook = Webhook(
            url="http://127.0.0.1:9/",
            events=["*"],
            secret_salt="00",
            secret_sha256="00",
            created_at=utc_now(),
        )
        session.add(webhook)
        session.flush()
        ping = make_ping(webhook, now=utc_now())
        ping.close(DeliveryStatus.FAILED)
        session.add(ping)
        training_id = make_training(session)
        add_live(session, video, job)
        comparison = ask_for_comparison(
            session,
            project_id=DEFAULT_PROJECT_ID,
            models=["tiny", "arena-rny002"],
            holdout={video: [(0.0, 1.0)]},
        ).id
        said = {"kind": "missed", "score": None, "label": None, "time_s": None}
        moment = {"video_id": video, "time_ms": 1, "frame": 1, "label": "PASS"}
        moment |= {"is_event": True, "by_model": {"tiny": said}}
        keep_result(session, comparison, {}, [moment])
        asked = BatchRequest({}, model="tiny", weights={}, priority=-5, is_open=True)
        batch = create_batch(session, asked, [BatchSourceItem("video", str(video))]).id
    return Things(
        *(video, job, _add_delivery(api, video, job)),
        event=UUID(event),
        key=key.id,
        upload=UUID(upload.headers["location"].rpartition("/")[2]),
        presigned=presigned.id,
        clip=clip_id,
        webhook=webhook.id,
        ping=ping.id,
        search=UUID(search_id),
        inference=inference_id,
        report=UUID(report_id),
        training=training_id,
        comparison=comparison,
        batch=batch,
    )


def add_live(session: Session, video: UUID, job: UUID) -> None:
    """Let a video be of a stream that has ended, with a segment and a change."""
    now = utc_now()
    session.add(
        LiveStream(
            video_id=video,
            job_id=job,
            source="listen",
            kind="listen",
            record=True,
            analyse_after=False,
            changes=1,
            gaps=1,
            created_at=now,
        )
    )
    session.flush()
    session.add(
        LiveGap(video_id=video, number=1, from_s=0, to_s=1, reason="reconnected")
    )
    said = {"kind": "final", "label": "PASS", "time_ms": 1, "frame": 1, "score": 0.5}
    times = {"wall": now, "decoded_at": now}
    session.add(
        LiveChange(video_id=video, number=1, event_id=new_id(), **said, **times)
    )
    sizes = {"start_s": 0, "duration_s": 1, "size_bytes": 9, "head_bytes": 4}
    session.add(
        LiveSegment(
            video_id=video,
            number=1,
            key="no",
            head_sha256="",
            **sizes,
            is_after_gap=False,
        )
    )


def make_training(session: Session) -> UUID:
    training, _ = add_training(
        session, name="hall", base="tiny", options=TrainingOptions()
    )
    add_points(session, training.id, [Point("loss", "head", 0, {"loss": 0.5})])
    add_line(session, training.id, "begins")
    return training.id


def operations_on_rows(api: RunningApi) -> list[tuple[str, str]]:
    return [
        (method, path)
        for path, operations in api.app.openapi()["paths"].items()
        for method in operations
        if "{" in path and path not in OPEN and method != "options"
    ]


def with_head(operations: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Add HEAD wherever GET is; the document does not name it."""
    gets = [path for method, path in operations if method == "get"]
    return [*operations, *(("head", path) for path in gets)]


def send(api: RunningApi, method: str, path: str, address: str) -> httpx.Response:
    """Send what the route would take if the row were there."""
    if path.startswith("/uploads"):
        body = b"" if method == "patch" else None
        return api.client.request(method, address, headers=TUS, content=body)
    anything: dict[str, Any] | None = {} if method in ("put", "patch") else None
    body = BODIES.get((method, path), anything)
    return api.client.request(method, address, json=body)


def test_every_route_says_that_rows_of_another_project_are_not_there(
    api: RunningApi, theirs: Things
) -> None:
    before = everything(api)

    answers = {
        (method, path): send(api, method, path, theirs.address(path))
        for method, path in with_head(operations_on_rows(api))
    }

    assert len(answers) >= 11
    assert {place: one.status_code for place, one in answers.items()} == dict.fromkeys(
        answers, 404
    )
    assert everything(api) == before


@pytest.mark.costly
def test_the_same_routes_show_what_is_in_the_project(
    api: RunningApi, ours: Things
) -> None:
    for method, path in operations_on_rows(api):
        if method == "get":
            with api.client.stream("GET", ours.address(path)) as answer:
                if answer.status_code != 200:  # What is answered may have no end.
                    problem = json.loads(answer.read())
                    assert problem["type"] in NONE_YET, path


@pytest.mark.costly
def test_head_answers_as_get_does_on_every_address(
    api: RunningApi, ours: Things
) -> None:
    documented = api.app.openapi()["paths"]
    gets = [path for path, operations in documented.items() if "get" in operations]
    addresses = [
        *("/", "/docs", "/openapi.json", "/page/app.js", "/docs/assets/swagger-ui.css"),
        *("/problems/not-found", "/models/any/thresholds"),
        *(ours.address(path) for path in gets if "{" not in path or path not in OPEN),
    ]

    for address in addresses:
        head = api.client.head(address, headers=TUS)
        with api.client.stream("GET", address, headers=TUS) as answer:
            assert head.status_code == answer.status_code, address
            assert head.headers["content-type"] == answer.headers["content-type"]
    assert len(addresses) > 40


@pytest.mark.usefixtures("theirs")
def test_videos_of_another_project_are_not_listed(
    api: RunningApi, ours: Things
) -> None:
    page = api.client.get("/videos", params={"limit": 1}).json()

    assert [one["id"] for one in page["items"]] == [str(ours.video)]
    assert page["next_cursor"] is None


@pytest.mark.usefixtures("theirs")
def test_events_of_another_project_are_not_found(api: RunningApi, ours: Things) -> None:
    answer = api.client.get("/events", params={"state": "all", "limit": 1000}).json()

    assert {one["video"]["id"] for one in answer["items"]} == {str(ours.video)}
    assert answer["pending_videos"] == 0


def test_clips_of_another_project_are_not_listed_and_its_events_not_cut(
    api: RunningApi, ours: Things, theirs: Things
) -> None:
    events = [
        {"video_id": str(one.video), "event_id": str(one.event)}
        for one in (ours, theirs)
    ]
    listed = api.client.get("/clips").json()["items"]
    mixed = api.client.post("/clips", json={"events": events})

    assert [one["id"] for one in listed] == [str(ours.clip)]
    assert (mixed.status_code, mixed.json()["type"]) == (
        *(404, "/problems/video-not-found"),
    )


def test_videos_of_another_project_are_not_joined(
    api: RunningApi, ours: Things, theirs: Things
) -> None:
    videos = [str(ours.video), str(theirs.video)]

    answer = api.client.post("/videos", json={"videos": videos})

    assert (answer.status_code, answer.json()["type"]) == (
        *(404, "/problems/video-not-found"),
    )
    assert len(api.client.get("/videos").json()["items"]) == 1


@pytest.mark.usefixtures("theirs")
def test_types_of_another_project_are_neither_listed_nor_replaced(
    api: RunningApi,
) -> None:
    before = theirs_of(api)

    listed = api.client.get("/types").json()["items"]
    replaced = api.client.put("/types", json={"items": [{"name": "TACKLE"}]})

    assert [one["name"] for one in listed] == ["PASS"]
    assert replaced.status_code == 200
    assert theirs_of(api) == before == ["PASS"]


def theirs_of(api: RunningApi) -> list[str]:
    with sessions_of(api.service.sessions, SOMEBODY)() as session:
        return list(session.scalars(type_names()))


def test_a_cursor_does_not_lead_into_another_project(
    api: RunningApi, ours: Things, theirs: Things
) -> None:
    with api.service.sessions() as session:
        shown = select(Video.current_analysis_id).where(Video.id == theirs.video)
        their_analysis = session.scalar(shown)
    cursor = EventsCursor(
        analysis=their_analysis, order="asc", time_ms=0, id=theirs.event
    ).encode()

    answer = api.client.get(f"/videos/{ours.video}/events", params={"cursor": cursor})

    assert answer.json()["type"] == "/problems/invalid-cursor"


def test_projects_may_use_the_same_idempotency_key(
    api: RunningApi, ours: Things, theirs: Things
) -> None:
    fingerprint = job_fingerprint(ours.video, JobKind.SPOT, None)
    with sessions_of(api.service.sessions, SOMEBODY).begin() as session:
        assert used_before(session, "same", fingerprint=fingerprint) is None
        mark_used(
            session,
            "same",
            fingerprint=fingerprint,
            video_id=theirs.video,
            job_id=theirs.job,
        )

    made = api.client.post(
        f"/videos/{ours.video}/jobs", headers={"idempotency-key": "same"}
    ).json()

    assert made["id"] != str(theirs.job)
    assert made["video_id"] == str(ours.video)


@pytest.mark.usefixtures("ours", "theirs")
def test_a_session_of_a_project_sees_its_rows_of_every_table(api: RunningApi) -> None:
    """Both with the very same statements, which the engine keeps compiled."""
    for table in (mapper.class_ for mapper in Base.registry.mappers):
        counts = [
            count(sessions_of(api.service.sessions, principal), table)
            for principal in (LOCAL, SOMEBODY, Principal("local", "", UUID(int=3)))
        ]
        all_rows = count(api.service.sessions, table)

        if table.is_shared:
            assert counts == [all_rows] * 3, table
        else:
            assert counts[0] > 0, f"make_things adds no row of {table}"
            assert counts[1] > 0, table
            assert counts[2] == 0, table
            assert sum(counts) == all_rows, table


def test_every_table_says_what_is_in_a_project() -> None:
    silent = [
        mapper.class_
        for mapper in Base.registry.mappers
        if "in_project" not in vars(mapper.class_) and not mapper.class_.is_shared
    ]

    assert silent == [], "give each an `in_project`: what of it a project may see"


def test_new_rows_are_signed_and_put_into_the_project(
    api: RunningApi, ours: Things
) -> None:
    with sessions_of(api.service.sessions, SOMEBODY)() as session:
        video = Video(
            storage_key="x",
            size_bytes=1,
            sha256="x",
            created_at=utc_now(),
            created_by="forged",
            project_id=DEFAULT_PROJECT_ID,
        )
        session.add(video)
        session.flush()

        assert (video.created_by, video.project_id) == ("key:somebody", OTHER)
    seen = api.client.get(f"/videos/{ours.video}").json()
    assert seen["created_by"] == seen["job"]["created_by"] == "local"


def test_rows_that_a_key_made_name_it(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"), database_url=url, api_key="s3cret"
        )
        with running_api(settings) as api:
            api.client.headers["authorization"] = "Bearer s3cret"
            video = _upload(api)
            again = api.client.post(f"/videos/{video['id']}/jobs").json()

    assert video["created_by"] == video["job"]["created_by"] == "key:default"
    assert again["created_by"] == "key:default"


def count(sessions: Any, table: type[Base]) -> int:
    with sessions() as session:
        found: int = session.scalar(select(func.count()).select_from(table))
    return found


def everything(api: RunningApi) -> dict[str, list[Any]]:
    """Read every row of every table."""
    with api.service.sessions() as session:
        return {
            table.name: sorted(map(str, session.execute(select(table)).all()))
            for table in metadata.sorted_tables
        }


def test_a_job_without_a_video_is_seen_in_the_project_that_asked(
    api: RunningApi,
) -> None:
    for principal in (LOCAL, SOMEBODY):
        with sessions_of(api.service.sessions, principal).begin() as session:
            asked = request(session, kind=JobKind.THUMBNAILS, video_id=None)

        path = f"/jobs/{asked.id}"
        seen = api.client.get(path).status_code == 200
        assert seen is (principal == LOCAL)
        assert asked.project_id == principal.project_id


def test_a_workers_job_is_in_its_videos_project(
    api: RunningApi, theirs: Things
) -> None:
    with api.service.sessions.begin() as session:
        asked = request(session, kind=JobKind.THUMBNAILS, video_id=theirs.video)
        session.refresh(asked)

    assert asked.project_id == OTHER
