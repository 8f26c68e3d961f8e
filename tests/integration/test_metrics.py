"""`/metrics` tells of jobs, webhooks, workers, storage and requests, to whom it may."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from app.core.db.base import new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.health.tables import WorkerHeartbeat
from app.jobs.kinds import JobKind
from app.jobs.tables import Job, JobStatus
from app.keys.service import create_key
from app.metrics.families import FAMILIES
from app.projects.tables import Project
from app.videos.tables import Video
from app.webhooks.tables import Delivery, Webhook
from tests.api_server import RunningApi, make_settings, running_api

LINE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
KEY = "s3cret"


def read(api: RunningApi) -> dict[str, float]:
    """Scrape; values by name and labels as they are written."""
    answer = api.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {}
    for line in answer.text.splitlines():
        if not line.startswith("#"):
            assert LINE.fullmatch(line), line
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def add_video(api: RunningApi, **facts: object) -> UUID:
    video = Video(id=new_id(), created_at=datetime.now(UTC), **facts)
    with api.service.sessions.begin() as session:
        session.add(video)
    return video.id


def add_job(api: RunningApi, video_id: UUID, *, age_s: float, **facts: object) -> UUID:
    created_at = datetime.now(UTC) - timedelta(seconds=age_s)
    job = Job(id=new_id(), video_id=video_id, created_at=created_at, **facts)
    with api.service.sessions.begin() as session:
        session.add(job)
    return job.id


def ended(*, took_s: float, **facts: object) -> dict[str, object]:
    """Make the facts of a job that ended just now."""
    now = datetime.now(UTC)
    started_at = now - timedelta(seconds=took_s)
    return {"started_at": started_at, "finished_at": now, **facts}


def test_an_empty_service_tells_zeros_for_every_kind_and_worker(
    api: RunningApi,
) -> None:
    found = read(api)

    for kind in JobKind:
        assert found[f'touchline_jobs{{kind="{kind}",status="queued"}}'] == 0
        assert found[f'touchline_leases_lost_last_hour{{kind="{kind}"}}'] == 0
    for worker in ("gpu", "media", "background"):
        assert found[f'touchline_workers{{kind="{worker}",state="ready"}}'] == 0
    assert not [name for name in found if 'kind="train",state=' in name]
    assert found["touchline_database_up"] == found["touchline_storage_up"] == 1
    assert found["touchline_storage_free_bytes"] > 0
    assert found["touchline_webhook_oldest_due_seconds"] == 0


def test_jobs_are_told_by_kind_state_age_and_failure(api: RunningApi) -> None:
    video = add_video(api, size_bytes=1000, duration_s=40.0, fps=25.0)
    add_job(api, video, age_s=600, kind="proxy")
    add_job(api, video, age_s=60, kind="proxy")
    expired = {"lease_expires_at": datetime.now(UTC) - timedelta(seconds=5)}
    running = {"status": JobStatus.RUNNING, "attempt": 3, "interruptions": 2}
    add_job(api, video, age_s=50, kind="clips", **running, **expired)
    stages = {"stage_seconds": {"probe": 1.5, "spot": 8.0}}
    fine = {"status": JobStatus.SUCCEEDED, "attempt": 1, **stages}
    add_job(api, video, age_s=30, kind="spot", **ended(took_s=10.0, **fine))
    bad = {"status": JobStatus.FAILED, "attempt": 3, "error_code": "decoder_crashed"}
    bad["stage_seconds"] = {"probe": 80.0}
    add_job(api, video, age_s=90, kind="spot", **ended(took_s=80.0, **bad))
    long_ago = {**fine, "finished_at": datetime.now(UTC) - timedelta(hours=2)}
    add_job(api, video, age_s=9000, kind="spot", **long_ago)

    found = read(api)

    assert found['touchline_jobs{kind="proxy",status="queued"}'] == 2
    oldest = 'touchline_job_oldest_seconds{kind="proxy",status="queued"}'
    assert 600 <= found[oldest] < 700
    assert found['touchline_jobs{kind="clips",status="running"}'] == 1
    assert found['touchline_leases_expired{kind="clips"}'] == 1
    assert found['touchline_leases_lost_last_hour{kind="clips"}'] == 2
    ends = 'touchline_jobs_ended_last_hour{kind="spot",status='
    assert found[ends + '"succeeded",error_code=""}'] == 1
    assert found[ends + '"failed",error_code="decoder_crashed"}'] == 1
    assert found['touchline_job_attempts_last_hour{kind="spot"}'] == 4
    times = 'touchline_job_mean_seconds{kind="spot",stage='
    assert found[times + '"wait"}'] == pytest.approx(20, abs=1)
    assert found[times + '"run"}'] == pytest.approx(10, abs=0.1)
    frames = found["touchline_analysis_frames_per_second"]
    assert frames == pytest.approx(100, rel=0.01)
    frames = found["touchline_spotting_frames_per_second"]
    assert frames == pytest.approx(125)
    in_stage = 'touchline_job_stage_seconds_last_hour{kind="spot",stage='
    came_there = 'touchline_job_stage_jobs_last_hour{kind="spot",stage='
    assert found[in_stage + '"probe"}'] == pytest.approx(81.5)
    assert found[came_there + '"probe"}'] == 2
    assert found[in_stage + '"spot"}'] == pytest.approx(8.0)
    assert found[came_there + '"spot"}'] == 1


def test_stored_bytes_are_of_what_is_there_files_that_wait_to_be_joined_too(
    api: RunningApi,
) -> None:
    add_video(api, size_bytes=1000, storage_key="videos/a/source")
    add_video(api, size_bytes=400, dropped_at=datetime.now(UTC))
    add_video(api, parts_bytes=30)

    found = read(api)

    assert found["touchline_videos"] == 3
    assert found["touchline_stored_video_bytes"] == 1030


def test_webhook_delay_is_that_of_the_oldest_due_message(api: RunningApi) -> None:
    now = datetime.now(UTC)
    video = add_video(api)
    common = {"url": "http://127.0.0.1:9/", "events": ["*"], "created_at": now}
    common |= {"secret_salt": "00", "secret_sha256": "00"}
    with api.service.sessions.begin() as session:
        for after_s in (-120, -60, 600):
            session.add(
                Delivery(
                    video_id=video,
                    type="video.completed",
                    url="http://127.0.0.1:9/",
                    body="{}",
                    next_attempt_at=now + timedelta(seconds=after_s),
                    created_at=now,
                )
            )
        session.add(Webhook(**common))
        session.add(Webhook(**common, failing_since=now))
        session.add(Webhook(**common, failing_since=now, disabled_at=now))

    found = read(api)

    assert found['touchline_webhook_messages{state="due"}'] == 2
    assert found['touchline_webhook_messages{state="later"}'] == 1
    assert 120 <= found["touchline_webhook_oldest_due_seconds"] < 200
    for state in ("ok", "failing", "disabled"):
        assert found[f'touchline_webhooks{{state="{state}"}}'] == 1


def test_workers_are_told_by_kind_and_whether_they_are_well(api: RunningApi) -> None:
    now = datetime.now(UTC)
    rows = {
        "one": ("gpu", now, {}),
        "two": ("gpu", now, {"problem": "no card"}),
        "three": ("media", now - timedelta(hours=1), {}),
        "four": ("train", now - timedelta(minutes=10), {}),
    }
    with api.service.sessions.begin() as session:
        for name, (kind, seen_at, info) in rows.items():
            session.add(
                WorkerHeartbeat(name=name, kind=kind, seen_at=seen_at, info=info)
            )

    found = read(api)

    assert found['touchline_workers{kind="gpu",state="ready"}'] == 1
    assert found['touchline_workers{kind="gpu",state="troubled"}'] == 1
    assert found['touchline_workers{kind="media",state="ready"}'] == 0
    assert found['touchline_workers{kind="train",state="ready"}'] == 0  # but missed


def test_requests_are_counted_by_the_template_of_their_route(api: RunningApi) -> None:
    api.client.get(f"/videos/{new_id()}")
    api.client.head(f"/videos/{new_id()}")
    api.client.get("/page/app.js")

    found = read(api)

    counted = {name for name in found if name.startswith("touchline_http_requests_to")}
    assert len(counted) < 100
    for method in ("GET", "HEAD"):
        start = f'{{method="{method}",route="/videos/{{video_id}}",status="404"'
        assert any(start in name for name in counted), counted
    assert not any("app.js" in name for name in counted)


def test_a_database_that_is_away_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    with running_api(make_settings(data_dir=tmp_path, database_url=nowhere)) as api:
        found = read(api)

    assert found["touchline_database_up"] == 0
    assert found["touchline_storage_up"] == 1
    assert not [name for name in found if name.startswith("touchline_jobs")]


def test_a_storage_that_is_away_is_told(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(api.service.storage), "free_bytes", fail)

    found = read(api)

    assert found["touchline_storage_up"] == 0
    assert "touchline_storage_free_bytes" not in found


def test_every_scraped_metric_is_described(api: RunningApi) -> None:
    text = api.client.get("/metrics").text

    described = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert described <= {family.name for family in FAMILIES}
    assert len(described) > 12


def test_only_the_operator_reads_them(database_url: str, tmp_path: Path) -> None:
    other = UUID(int=2)
    settings = make_settings(data_dir=tmp_path, database_url=database_url, api_key=KEY)
    with running_api(settings) as api:
        now = datetime.now(UTC)
        with api.service.sessions.begin() as session:
            session.add(Project(id=other, name="other", created_at=now))
            session.flush()
            made = {
                (scope, project): create_key(
                    session, name="k", scopes=[scope], project_id=project, now=now
                ).text
                for scope in ("read", "admin")
                for project in (DEFAULT_PROJECT_ID, other)
            }
        answers = {
            place: api.client.get("/metrics", headers=bearer(text)).status_code
            for place, text in made.items()
        }

        assert api.client.get("/metrics").status_code == 401
        assert api.client.get("/metrics", headers=bearer(KEY)).status_code == 200
        assert answers == {
            ("read", DEFAULT_PROJECT_ID): 403,
            ("read", other): 403,
            ("admin", DEFAULT_PROJECT_ID): 200,
            ("admin", other): 403,
        }


def test_they_are_open_where_the_operator_says_so(
    database_url: str, tmp_path: Path
) -> None:
    settings = make_settings(
        data_dir=tmp_path, database_url=database_url, api_key=KEY, metrics_open=True
    )
    with running_api(settings) as api:
        assert read(api)["touchline_database_up"] == 1
        assert api.client.head("/metrics").status_code == 200
        assert api.client.get("/videos").status_code == 401
        foreign = {"sec-fetch-site": "cross-site"}
        assert api.client.get("/metrics", headers=foreign).status_code == 403


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
