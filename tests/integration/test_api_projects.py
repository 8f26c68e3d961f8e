"""Whoever asks sees and changes the rows of one project, on every route."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.core.db.base import Base, utc_now
from app.core.db.project_sessions import sessions_of
from app.core.http.cursors import EventsCursor
from app.core.principal import DEFAULT_PROJECT_ID, LOCAL, Principal
from app.idempotency.fingerprints import job_fingerprint
from app.idempotency.service import mark_used, used_before
from app.jobs.kinds import JobKind
from app.projects.tables import Project
from app.tables import metadata
from app.videos.tables import Video
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests
from tests.integration.test_api import SPOTS, _add_delivery, _finish, _upload

OTHER = UUID(int=2)
NO_THUMBNAILS = "/problems/no-thumbnails"  # of a video that is seen
SOMEBODY = Principal("key", "somebody", OTHER)
OPEN = ("/healthz", "/readyz", "/problems/{slug}", "/models")  # of no project


class Things(NamedTuple):
    """A video with all that can hang on one."""

    video: UUID
    job: UUID
    delivery: UUID

    def address(self, path: str) -> str:
        return path.format(
            video_id=self.video, job_id=self.job, delivery_id=self.delivery
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
    return things


def make_things(api: RunningApi) -> Things:
    video = UUID(_upload(api)["id"])
    _finish(api, video, SPOTS)
    job = UUID(api.client.get(f"/videos/{video}").json()["job"]["id"])
    return Things(video, job, _add_delivery(api, video, job))


def operations_on_rows(api: RunningApi) -> list[tuple[str, str]]:
    return [
        (method, path)
        for path, operations in api.app.openapi()["paths"].items()
        for method in operations
        if "{" in path and path not in OPEN
    ]


def test_every_route_says_that_rows_of_another_project_are_not_there(
    api: RunningApi, theirs: Things
) -> None:
    before = everything(api)

    answers = {
        (method, path): api.client.request(method, theirs.address(path))
        for method, path in operations_on_rows(api)
    }

    assert len(answers) >= 11
    assert {place: one.status_code for place, one in answers.items()} == dict.fromkeys(
        answers, 404
    )
    assert everything(api) == before


def test_the_same_routes_show_what_is_in_the_project(
    api: RunningApi, ours: Things
) -> None:
    for method, path in operations_on_rows(api):
        if method == "get":
            answer = api.client.get(ours.address(path))
            has_none = answer.json()["type"] if answer.status_code == 404 else None
            assert answer.status_code == 200 or has_none == NO_THUMBNAILS, path


@pytest.mark.usefixtures("theirs")
def test_videos_of_another_project_are_not_listed(
    api: RunningApi, ours: Things
) -> None:
    page = api.client.get("/videos", params={"limit": 1}).json()

    assert [one["id"] for one in page["items"]] == [str(ours.video)]
    assert page["next_cursor"] is None


def test_a_cursor_does_not_lead_into_another_project(
    api: RunningApi, ours: Things, theirs: Things
) -> None:
    cursor = EventsCursor(job=theirs.job, order="asc", time_ms=0, seq=0).encode()

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
            assert counts[0] > 0, table
            assert counts[1] > 0, table
            assert counts[2] == 0, table
            assert sum(counts) == all_rows, table


def test_every_table_says_what_is_in_a_project() -> None:
    silent = [
        mapper.class_
        for mapper in Base.registry.mappers
        if "in_project" not in vars(mapper.class_) and not mapper.class_.is_shared
    ]

    assert silent == []


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
