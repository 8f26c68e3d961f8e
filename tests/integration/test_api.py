"""What the API answers about videos, events, jobs and deliveries, over real rows."""

import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
import sqlalchemy.event
from sqlalchemy import TextClause, delete, select, text

from app.core.db.base import new_id, utc_now
from app.core.storage.keys import scores_key, source_key
from app.health.tables import WorkerHeartbeat
from app.jobs.kinds import KINDS, JobKind
from app.jobs.tables import Job, JobStatus
from app.timelines.exports import EXPORTS
from app.timelines.schemas import SoccerNetPredictions
from app.timelines.suggestions import suggestion_id
from app.timelines.tables import Analysis, Event
from app.videos.file_response import VideoFile
from app.videos.tables import Video
from app.webhooks.tables import Delivery, DeliveryAttempt, DeliveryStatus
from model.spotting.timeline import Timeline
from tests.api_server import RunningApi, make_settings, running_api

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FPS = 30.0
# (time_ms, label, score); two at one time, and one exactly on a second.
SPOTS = [
    (1000, "PASS", 0.9),
    (2500, "DRIVE", 0.4),
    (2500, "PASS", 0.8),
    (4033, "PASS", 0.3),
    (9000, "DRIVE", 0.95),
]


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video whose timeline holds SPOTS."""
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, SPOTS)
    return video_id


def test_a_finished_video_tells_facts_status_and_counts(
    api: RunningApi, video: UUID
) -> None:
    body = api.client.get(f"/videos/{video}").json()

    assert body["status"] == body["job"]["status"] == "succeeded"
    assert body["progress"] == 1.0
    assert body["counts"] == {"PASS": 3, "DRIVE": 2}
    assert (body["width"], body["height"], body["fps"]) == (1280, 720, 30.0)
    assert body["current_job_id"] == body["job"]["id"]
    assert body["current_analysis_id"] is not None
    job = body["job"]
    assert (job["kind"], job["priority"]) == ("spot", 0)
    assert job["counts"] == job["result"]["counts"] == body["counts"]
    assert body["error"] is None


def test_events_have_the_shape_integrators_rely_on(
    api: RunningApi, video: UUID
) -> None:
    answer = api.client.get(f"/videos/{video}/events").json()

    assert answer["next_cursor"] is None
    assert len(answer["items"]) == len(SPOTS)
    event = answer["items"][0]
    assert set(event) == {
        *("id", "type", "time_s", "frame", "score", "team", "state", "source"),
        *("attributes", "is_ghost", "version", "decided_by", "decided_at"),
        "is_provisional",
    }
    assert UUID(event["id"]) == suggestion_id(video, "PASS", 30)
    assert (event["state"], event["source"], event["version"]) == (
        *("suggested", "model", 0),
    )
    assert (event["type"], event["time_s"], event["frame"]) == ("PASS", 1.0, 30)
    assert event["score"] == 0.9


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("type=PASS", [0, 2, 3]),
        ("type=PASS&type=DRIVE", [0, 1, 2, 3, 4]),
        ("min_score=0.8", [0, 2, 4]),
        ("from_s=2.5", [1, 2, 3, 4]),
        ("to_s=2.5", [0, 1, 2]),
        ("from_s=2.501&to_s=8.999", [3]),
        ("order=desc", [4, 3, 2, 1, 0]),
        ("type=DRIVE&min_score=0.5&from_s=1", [4]),
        ("type=SHOT", []),
    ],
)
def test_events_are_filtered(
    api: RunningApi, video: UUID, query: str, kept: list[int]
) -> None:
    events = api.client.get(f"/videos/{video}/events?{query}").json()["items"]

    wanted = [SPOTS[index] for index in kept]
    assert _spots(events) == _by_type_within_a_time(wanted)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_of_events_hold_each_event_once(
    api: RunningApi, video: UUID, order: str, limit: int
) -> None:
    path = f"/videos/{video}/events?order={order}&limit={limit}"

    events, pages = _walk(api, path)

    whole = SPOTS if order == "asc" else SPOTS[::-1]
    assert _spots(events) == _by_type_within_a_time(whole)
    assert pages == -(-len(SPOTS) // limit)


def test_a_list_being_paged_stays_with_its_timeline(
    api: RunningApi, video: UUID
) -> None:
    first = api.client.get(f"/videos/{video}/events?limit=2")
    _finish(api, video, [(100, "SHOT", 0.5)])

    rest = api.client.get(first.links["next"]["url"]).json()["items"]
    new = api.client.get(f"/videos/{video}/events").json()["items"]

    seen = first.json()["items"] + rest
    assert _spots(seen[:4]) == _by_type_within_a_time(SPOTS[:4])
    assert _spots(new) == [(100, "SHOT", 0.5)]


def test_an_unknown_type_is_answered_with_the_known_ones(
    api: RunningApi, video: UUID
) -> None:
    answer = api.client.get(f"/videos/{video}/events?type=PASS&type=drive")

    problem = _problem(answer, 422, "unknown-type")
    assert problem["types"] == ["PASS", "DRIVE", "SHOT"]
    assert "'drive'" in problem["detail"]
    assert "PASS, DRIVE, SHOT" in problem["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "min_score=2",
        "min_score=nan",
        "from_s=-1",
        "from_s=inf",
        "to_s=x",
        "limit=0",
        "limit=1001",
        "order=sideways",
        "format=xml",
    ],
)
def test_a_bad_filter_is_named(api: RunningApi, video: UUID, query: str) -> None:
    answer = api.client.get(f"/videos/{video}/events?{query}")

    problem = _problem(answer, 422, "invalid-request")
    (error,) = problem["errors"]
    assert error["in"] == "query"
    assert error["pointer"] == f"#/{query.split('=')[0]}"


@pytest.mark.parametrize("cursor", ["", "x", "e30=", "%00", "AAAA", "a" * 513])
def test_a_foreign_cursor_is_refused(api: RunningApi, video: UUID, cursor: str) -> None:
    for path in (
        "/videos",
        f"/videos/{video}/events",
        f"/videos/{video}/jobs",
        f"/videos/{video}/deliveries",
    ):
        answer = api.client.get(f"{path}?cursor={cursor}")

        expected = 200 if cursor == "" else 422
        assert answer.status_code == expected, (path, answer.text)


def test_a_cursor_of_another_list_video_or_order_is_refused(
    api: RunningApi, video: UUID
) -> None:
    other = UUID(_upload(api)["id"])
    _finish(api, other, SPOTS)
    path = f"/videos/{video}/events?limit=1"
    cursor = api.client.get(path).json()["next_cursor"]

    for wrong in (
        f"/videos?cursor={cursor}",
        f"/videos/{other}/events?cursor={cursor}",
        f"/videos/{video}/events?order=desc&cursor={cursor}",
    ):
        _problem(api.client.get(wrong), 422, "invalid-cursor")


def test_csv_holds_every_event_that_passes_the_filter(
    api: RunningApi, video: UUID
) -> None:
    answer = api.client.get(f"/videos/{video}/events?format=csv&type=PASS")

    assert answer.headers["content-type"].startswith("text/csv")
    assert "A%20match.csv" in answer.headers["content-disposition"]
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["type"], row["time_s"], row["frame"]) for row in table] == [
        ("PASS", "1.000", "30"),
        ("PASS", "2.500", "75"),
        ("PASS", "4.033", "121"),
    ]


def test_each_file_of_events_is_the_same_at_its_own_path(
    api: RunningApi, video: UUID
) -> None:
    for export in EXPORTS.values():
        if export.name == "youtube":
            continue  # Its chapters last longer than these events: below.
        query = "type=PASS&order=desc"
        listed = api.client.get(f"/videos/{video}/events?{query}&format={export.name}")

        answer = api.client.get(f"/videos/{video}/{export.path}?{query}")

        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(export.media_type)
        assert answer.content == listed.content
        for name in ("content-type", "content-disposition"):
            assert answer.headers[name] == listed.headers[name]
        refused = api.client.get(f"/videos/{video}/{export.path}?type=NONE")
        _problem(refused, 422, "unknown-type")


def test_a_format_that_cannot_hold_the_events_says_why(
    api: RunningApi, video: UUID
) -> None:
    for path in ("events.youtube.txt", "events?format=youtube"):
        answer = api.client.get(f"/videos/{video}/{path}")

        problem = _problem(answer, 422, "format-cannot-hold")
        assert "10 s at least" in problem["detail"]


def test_clips_about_events_are_as_long_as_asked(api: RunningApi, video: UUID) -> None:
    query = "type=PASS&lead_s=0.5&lag_s=2"
    answer = api.client.get(f"/videos/{video}/events.sportscode.xml?{query}")

    found = ElementTree.fromstring(answer.content).findall(".//instance")
    spans = [(one.findtext("start"), one.findtext("end")) for one in found]
    assert spans[:2] == [("0.500", "3.000"), ("2.000", "4.500")]


def test_an_unknown_format_is_refused_with_the_known_ones(
    api: RunningApi, video: UUID
) -> None:
    answer = api.client.get(f"/videos/{video}/events?format=xml")

    _problem(answer, 422, "invalid-request")
    assert "json, soccernet, soccernet-labels, e2espot" in answer.text


def test_soccernet_positions_come_back_to_the_same_frame(
    api: RunningApi, video: UUID
) -> None:
    answer = api.client.get(f"/videos/{video}/events?format=soccernet")

    document = json.loads(answer.text)
    assert document["UrlLocal"] == "A match"
    frames = [int(FPS * int(one["position"]) / 1000) for one in document["predictions"]]
    assert frames == [round(time_ms * FPS / 1000) for time_ms, _, _ in SPOTS]
    assert document["predictions"][-1]["gameTime"] == "1 - 00:09"


def test_soccernet_is_what_the_document_says(api: RunningApi, video: UUID) -> None:
    answer = api.client.get(f"/videos/{video}/events?format=soccernet")

    assert answer.headers["content-type"] == "application/json"
    predictions = SoccerNetPredictions.model_validate_json(answer.text).predictions
    assert len(predictions) == len(SPOTS)


def test_the_timeline_is_cut_and_thinned_without_losing_a_peak(
    api: RunningApi, video: UUID
) -> None:
    whole = api.client.get(f"/videos/{video}/timeline").json()
    thin = api.client.get(f"/videos/{video}/timeline?points=10").json()
    cut = api.client.get(f"/videos/{video}/timeline?from_s=2&to_s=3").json()

    assert whole["labels"] == ["PASS", "DRIVE", "SHOT"]
    assert whole["steps"] == len(whole["time_s"]) == len(whole["scores"]["PASS"]) == 300
    assert len(thin["time_s"]) == 10
    assert thin["steps"] == 300
    for label in whole["labels"]:
        assert max(thin["scores"][label]) == max(whole["scores"][label])
    assert cut["time_s"][0] == 2.0
    assert cut["time_s"][-1] == 3.0
    peak = int(np.argmax(whole["scores"]["PASS"]))
    assert (whole["time_s"][peak], whole["frame"][peak]) == (1.0, 30)
    assert 1.0 in thin["time_s"]


def test_a_video_without_a_timeline_says_why(api: RunningApi) -> None:
    video_id = _upload(api)["id"]

    for path in ("events", "timeline"):
        answer = api.client.get(f"/videos/{video_id}/{path}")
        problem = _problem(answer, 409, "no-timeline")
        assert "waits for a worker" in problem["detail"]
        assert problem["status_of_job"] == "queued"


@pytest.mark.parametrize("path", ["events", "timeline"])
def test_a_job_may_end_while_its_events_are_asked_for(
    api: RunningApi, path: str
) -> None:
    video_id = UUID(_upload(api)["id"])
    engine = api.service.engine
    statements: list[str] = []

    def finish_after_the_first(*facts: Any) -> None:
        statement = facts[2]
        if "FROM videos" in statement and not statements:
            statements.append(statement)
            _finish(api, video_id, SPOTS)

    sqlalchemy.event.listen(engine, "after_cursor_execute", finish_after_the_first)
    try:
        answer = api.client.get(f"/videos/{video_id}/{path}")
    finally:
        sqlalchemy.event.remove(engine, "after_cursor_execute", finish_after_the_first)

    assert statements
    assert "waits for a worker" in _problem(answer, 409, "no-timeline")["detail"]
    assert api.client.get(f"/videos/{video_id}/{path}").status_code == 200


def test_a_failed_job_tells_its_reason(api: RunningApi) -> None:
    body = _upload(api)
    with api.service.sessions.begin() as session:
        job = session.get_one(Job, UUID(body["job"]["id"]))
        job.status, job.finished_at = JobStatus.FAILED, NOW
        job.error_code, job.error_detail = "no_video_stream", "There is only sound."
        job.error_retryable = False

    seen = api.client.get(f"/videos/{body['id']}").json()
    events = api.client.get(f"/videos/{body['id']}/events")

    assert seen["status"] == "failed"
    assert seen["error"] == {
        "code": "no_video_stream",
        "detail": "There is only sound.",
        "retryable": False,
    }
    assert "only sound" in _problem(events, 409, "no-timeline")["detail"]


def test_videos_are_listed_the_newest_first_each_once(api: RunningApi) -> None:
    ids = [_upload(api)["id"] for _ in range(5)]

    seen, pages = _walk(api, "/videos?limit=2")

    assert [video["id"] for video in seen] == ids[::-1]
    assert pages == 3


def test_a_deleted_video_is_gone_with_all_it_had(api: RunningApi, video: UUID) -> None:
    job_id = api.client.get(f"/videos/{video}").json()["job"]["id"]
    _add_delivery(api, video, UUID(job_id))

    answer = api.client.delete(f"/videos/{video}")

    assert answer.status_code == 204
    for path in ("", "/events", "/timeline", "/file", "/jobs", "/deliveries"):
        _problem(api.client.get(f"/videos/{video}{path}"), 404, "video-not-found")
    _problem(api.client.get(f"/jobs/{job_id}"), 404, "job-not-found")
    _problem(api.client.delete(f"/videos/{video}"), 404, "video-not-found")
    assert not [path for path in api.kept_files() if path.is_file()]
    with api.service.sessions() as session:
        assert session.query(Event).count() == 0
        assert session.query(Delivery).count() == 0


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/videos/{}", "video-not-found"),
        ("/videos/{}/events", "video-not-found"),
        ("/videos/{}/timeline", "video-not-found"),
        ("/videos/{}/file", "video-not-found"),
        ("/videos/{}/jobs", "video-not-found"),
        ("/videos/{}/deliveries", "video-not-found"),
        ("/jobs/{}", "job-not-found"),
        ("/problems/{}", "not-found"),
        ("/nowhere/{}", "not-found"),
    ],
)
def test_what_is_not_there_is_said_to_be_missing(
    api: RunningApi, path: str, slug: str
) -> None:
    for name in (str(uuid4()), "no-id-at-all"):
        _problem(api.client.get(path.format(name)), 404, slug)


def test_a_wrong_method_names_the_right_ones(api: RunningApi) -> None:
    answer = api.client.put("/videos")

    _problem(answer, 405, "method-not-allowed")
    assert answer.headers.get_list("allow") == ["GET, HEAD, POST"]


@pytest.mark.parametrize(
    "path", ["/videos/sample", "/videos/{}/events/undo", "/videos/{}/events/redo"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_address_of_its_own_is_not_taken_for_the_id_of_a_thing(
    api: RunningApi, path: str, method: str
) -> None:
    answer = api.client.request(method, path.format(uuid4()))

    _problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_the_file_is_played_in_ranges(api: RunningApi, video: UUID) -> None:
    whole = api.client.get(f"/videos/{video}/file")
    part = api.client.get(f"/videos/{video}/file", headers={"range": "bytes=2-4"})

    assert whole.content == b"the bytes of a video"
    assert whole.headers["content-type"] == "video/mp4"
    assert part.status_code == 206
    assert part.content == b"e b"


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"e b"),
        ("bytes=15-", 206, b"video"),
        ("bytes=-5", 206, b"video"),
        ("bytes=15-1000", 206, b"video"),
        ("BYTES = 0-0", 206, b"t"),
        ("items=0-1", 200, b"the bytes of a video"),  # another unit is ignored
        ("bytes", 416, None),
        ("bytes=20-", 416, None),
        ("bytes=4-2", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=-", 416, None),
        ("bytes=", 416, None),
        ("bytes=x-y", 416, None),
        ("bytes=0-1,99-", 416, None),
    ],
)
def test_a_range_is_served_or_refused_in_words(
    api: RunningApi, video: UUID, asked: str, status: int, content: bytes | None
) -> None:
    path = f"/videos/{video}/file"

    answer = api.client.get(path, headers={"range": asked})
    head = api.client.head(path, headers={"range": asked})

    assert answer.status_code == head.status_code == status
    assert head.content == b""
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert head.headers.get("content-range") == answer.headers.get("content-range")
    if content is None:
        problem = _problem(answer, 416, "range-not-satisfiable")
        assert problem["size_bytes"] == 20
        assert answer.headers["content-range"] == "bytes */20"
    else:
        assert answer.content == content


def test_several_ranges_come_in_parts(api: RunningApi, video: UUID) -> None:
    headers = {"range": "bytes=0-2,15-"}

    answer = api.client.get(f"/videos/{video}/file", headers=headers)

    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert b"the" in answer.content
    assert answer.content.count(b"Content-Range: bytes") == 2


def test_a_range_of_another_file_gets_the_whole(api: RunningApi, video: UUID) -> None:
    path = f"/videos/{video}/file"
    etag = api.client.head(path).headers["etag"]

    for if_range, status in ((etag, 206), ('"another"', 200)):
        headers = {"range": "bytes=0-3", "if-range": if_range}
        assert api.client.get(path, headers=headers).status_code == status


def test_a_file_that_is_gone_is_said_to_be_missing(
    api: RunningApi, video: UUID
) -> None:
    api.service.storage.delete(source_key(video))

    for headers in ({}, {"range": "bytes=0-3"}):
        answer = api.client.get(f"/videos/{video}/file", headers=headers)
        problem = _problem(answer, 404, "video-not-found")
        assert "file is gone" in problem["detail"]
    assert api.client.head(f"/videos/{video}/file").status_code == 404


def test_a_file_deleted_while_it_is_asked_for_is_said_to_be_missing(
    api: RunningApi, video: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = VideoFile.__call__

    async def delete_first(self: VideoFile, *asgi: Any) -> None:
        api.service.storage.delete(source_key(video))
        await whole(self, *asgi)

    monkeypatch.setattr(VideoFile, "__call__", delete_first)

    answer = api.client.get(f"/videos/{video}/file")

    _problem(answer, 404, "video-not-found")


@pytest.mark.parametrize("harm", ["gone", "damaged"])
@pytest.mark.parametrize(
    "path", ["scores", "timeline", "events?type=NEVER-SEEN", "thresholds"]
)
def test_score_curves_that_are_gone_are_said_to_be_missing(
    api: RunningApi, video: UUID, path: str, harm: str
) -> None:
    with api.service.sessions() as session:
        key = str(session.scalars(select(Analysis.scores_key)).one())
    if harm == "gone":
        api.service.storage.delete(key)
    else:
        api.service.storage.put(key, b"not what a worker wrote")

    answer = api.client.get(f"/videos/{video}/{path}")

    problem = _problem(answer, 404, "scores-not-found")
    assert harm in problem["detail"]
    assert "run the video again" in problem["detail"]
    assert api.client.get(f"/videos/{video}/events").json()["items"]


def test_an_internal_error_carries_the_headers_of_every_answer(
    api: RunningApi, video: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("app.timelines.routes.stored_curves", fail)

    answer = api.client.get(f"/videos/{video}/timeline")

    _problem(answer, 500, "internal-error")
    assert answer.headers["x-content-type-options"] == "nosniff"
    # The server closes the connection: the next request must not be sent into it.
    assert answer.headers["connection"] == "close"


def test_score_curves_of_a_video_being_deleted_are_missing(
    api: RunningApi, video: UUID
) -> None:
    engine = api.service.engine
    with api.service.sessions() as session:
        key = str(session.scalars(select(Analysis.scores_key)).one())
    deletions: list[UUID] = []

    def delete_meanwhile(*facts: Any) -> None:
        if not deletions:
            deletions.append(video)
            api.service.storage.delete(key)
            with api.service.sessions.begin() as session:
                session.execute(delete(Video))

    sqlalchemy.event.listen(engine, "after_cursor_execute", delete_meanwhile)
    try:
        answer = api.client.get(f"/videos/{video}/timeline")
    finally:
        sqlalchemy.event.remove(engine, "after_cursor_execute", delete_meanwhile)

    _problem(answer, 404, "video-not-found")


def test_head_is_answered_wherever_get_is(api: RunningApi, video: UUID) -> None:
    job = api.client.get(f"/videos/{video}").json()["job"]["id"]
    _beat(api, "gpu@here")
    _beat(api, "media@here", kind="media")
    _beat(api, "background@here", kind="background")
    paths = [
        *("/", "/docs", "/openapi.json", "/page/app.js", "/healthz", "/readyz"),
        *("/models", "/videos", f"/videos/{video}", f"/jobs/{job}"),
        *("/problems/not-found", "/docs/assets/swagger-ui.css"),
    ]
    parts = (
        "events",
        "scores",
        "timeline",
        "file",
        "jobs",
        "deliveries",
        "events?format=csv",
        *(one.path for one in EXPORTS.values() if one.name != "youtube"),
    )
    paths += [f"/videos/{video}/{part}" for part in parts]

    for path in paths:
        head, answer = api.client.head(path), api.client.get(path)
        assert head.status_code == answer.status_code == 200, path
        assert head.content == b""
        for name in ("content-type", "content-length"):
            assert head.headers[name] == answer.headers[name], path
    assert api.client.head("/jobs").status_code == 404
    assert api.client.head(f"/jobs/{job}/cancel").status_code == 405


def test_a_video_is_analysed_again_beside_its_old_timeline(
    api: RunningApi, video: UUID
) -> None:
    answer = api.client.post(f"/videos/{video}/jobs")

    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    seen = api.client.get(f"/videos/{video}").json()
    assert seen["status"] == "queued"
    assert seen["job"]["id"] == job["id"]
    assert seen["current_job_id"] != job["id"]
    assert seen["counts"] == {"PASS": 3, "DRIVE": 2}
    jobs, _ = _walk(api, f"/videos/{video}/jobs?limit=1")
    assert [one["status"] for one in jobs] == ["queued", "succeeded"]


def test_a_job_of_another_kind_leaves_the_videos_status_alone(
    api: RunningApi, video: UUID
) -> None:
    before = api.client.get(f"/videos/{video}").json()

    answer = api.client.post(f"/videos/{video}/jobs", json={"kind": "thumbnails"})

    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["status"], job["model"]) == ("thumbnails", "queued", None)
    with api.service.sessions.begin() as session:
        session.get_one(Job, UUID(job["id"])).status = JobStatus.FAILED
    assert api.client.get(f"/jobs/{job['id']}").json()["status"] == "failed"
    assert api.client.get(f"/videos/{video}").json() == before
    assert api.client.get(f"/videos/{video}/events").status_code == 200


def test_jobs_are_listed_by_kind(api: RunningApi, video: UUID) -> None:
    api.client.post(f"/videos/{video}/jobs", json={"kind": "thumbnails"})

    def kinds(query: str) -> list[str]:
        jobs = api.client.get(f"/videos/{video}/jobs{query}").json()["items"]
        return [job["kind"] for job in jobs]

    assert kinds("") == kinds("?kind=spot") == ["spot"]
    assert kinds("?kind=thumbnails") == ["thumbnails"] * 2  # one came with the upload
    both = ["thumbnails", "thumbnails", "spot"]
    assert kinds("?kind=all") == kinds("?kind=spot&kind=thumbnails") == both
    _add_segment(api, video)
    assert kinds("?kind=all") == both
    assert kinds("?kind=spot_segment") == ["spot_segment"]
    assert kinds("?kind=all&kind=spot_segment") == ["spot_segment", *both]
    _problem(api.client.get(f"/videos/{video}/jobs?kind=soup"), 422, "invalid-request")


def _add_segment(api: RunningApi, video: UUID) -> None:
    asked = {"kind": JobKind.SPOT_SEGMENT, "created_at": utc_now()}
    with api.service.sessions.begin() as session:
        session.add(Job(id=new_id(), video_id=video, **asked))


def test_one_idempotency_key_is_not_for_jobs_of_two_kinds(
    api: RunningApi, video: UUID
) -> None:
    def post(kind: str) -> httpx.Response:
        return api.client.post(
            f"/videos/{video}/jobs",
            json={"kind": kind},
            headers={"idempotency-key": "one"},
        )

    first, again, other = post("thumbnails"), post("thumbnails"), post("spot")

    assert again.json()["id"] == first.json()["id"]
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["type"].endswith("idempotency-key-reused")


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b'{"kind": "soup"}', "invalid-request"),
        (b'{"kind": "thumbnails", "model": "tiny"}', "invalid-request"),
        (b'{"model": "nobody"}', "unknown-model"),
        (b'{"modle": "x"}', "invalid-request"),
        (b'{"model": 3}', "invalid-request"),
        (b"{", "invalid-request"),
    ],
)
def test_a_bad_new_job_is_refused(
    api: RunningApi, video: UUID, body: bytes, slug: str
) -> None:
    answer = api.client.post(
        f"/videos/{video}/jobs",
        content=body,
        headers={"content-type": "application/json"},
    )

    _problem(answer, 422, slug)


@pytest.mark.parametrize("kind", [one for one in KINDS if KINDS[one].own_route])
def test_a_kind_with_a_route_of_its_own_says_which(
    api: RunningApi, video: UUID, kind: JobKind
) -> None:
    answer = api.client.post(f"/videos/{video}/jobs", json={"kind": kind})

    _problem(answer, 422, "invalid-request")
    path = answer.json()["detail"].rpartition("POST ")[2].rstrip(".")
    known = path.replace(str(video), "{video_id}")
    assert "post" in api.client.get("/openapi.json").json()["paths"][known]


def test_a_video_that_is_being_deleted_gets_no_new_job(
    api: RunningApi, video: UUID
) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor() as pool, api.service.sessions.begin() as deletion:
        deletion.execute(delete(Video).where(Video.id == video))
        post = pool.submit(api.client.post, f"/videos/{video}/jobs")
        while not (_ask(api, waiting) or post.done()):
            time.sleep(0.02)
        deletion.commit()

        _problem(post.result(), 404, "video-not-found")


def test_a_waiting_job_is_canceled_at_once(api: RunningApi) -> None:
    job = _upload(api)["job"]

    answer = api.client.post(job["links"]["cancel"])

    assert answer.status_code == 202
    assert answer.json()["status"] == "canceled"
    assert answer.json()["finished_at"] is not None
    again = api.client.post(job["links"]["cancel"])
    assert "canceled already" in _problem(again, 409, "job-is-finished")["detail"]


def test_a_running_job_is_asked_to_stop(api: RunningApi) -> None:
    job = _upload(api)["job"]
    with api.service.sessions.begin() as session:
        session.get_one(Job, UUID(job["id"])).status = JobStatus.RUNNING

    answers = [api.client.post(job["links"]["cancel"]) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["status"] == "running"
    with api.service.sessions() as session:
        assert session.get_one(Job, UUID(job["id"])).cancel_requested


def test_deliveries_are_read_and_sent_again(api: RunningApi, video: UUID) -> None:
    job_id = UUID(api.client.get(f"/videos/{video}").json()["job"]["id"])
    delivery_id = _add_delivery(api, video, job_id)

    (seen,) = api.client.get(f"/videos/{video}/deliveries").json()["items"]
    answer = api.client.post(f"/deliveries/{delivery_id}/retry")

    assert seen["status"] == "failed"
    assert [one["status_code"] for one in seen["attempts"]] == [500, None]
    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"
    assert answer.json()["finished_at"] is None
    assert api.service.notifier.waiting("background") == 1
    missing = api.client.post(f"/deliveries/{uuid4()}/retry")
    _problem(missing, 404, "delivery-not-found")


def test_readiness_says_which_part_is_missing(api: RunningApi) -> None:
    before = _problem(api.client.get("/readyz"), 503, "not-ready")
    with api.service.sessions.begin() as session:
        now = datetime.now(UTC)
        for kind in ("gpu", "media", "background"):
            session.add(WorkerHeartbeat(name=f"{kind}@here", kind=kind, seen_at=now))

    after = api.client.get("/readyz")

    assert before["checks"]["gpu"] != "ok"
    assert {before["checks"][name] for name in ("database", "broker", "storage")} == {
        "ok"
    }
    assert "gpu" in before["detail"]
    assert after.status_code == 200
    assert set(after.json()["checks"].values()) == {"ok"}


def test_a_worker_that_fell_silent_is_not_ready(api: RunningApi) -> None:
    with api.service.sessions.begin() as session:
        long_ago = datetime.now(UTC) - timedelta(minutes=5)
        session.add(WorkerHeartbeat(name="gpu@here", kind="gpu", seen_at=long_ago))

    _problem(api.client.get("/readyz"), 503, "not-ready")


def test_workers_that_cannot_load_a_model_are_not_ready(api: RunningApi) -> None:
    _beat(api, "gpu@lame", problem="there is no checkpoint called 'gone'")
    lame = _problem(api.client.get("/readyz"), 503, "not-ready")
    _beat(api, "gpu@well")

    both = api.client.get("/readyz")

    assert lame["checks"]["gpu"] == "there is no checkpoint called 'gone'"
    assert "gpu: there is no checkpoint called 'gone'" in lame["detail"]
    assert both.json()["checks"]["gpu"] == "ok"


def test_a_dead_database_is_named_and_the_process_lives(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    settings = make_settings(data_dir=tmp_path, database_url=nowhere)
    with running_api(settings) as api:
        ready = _problem(api.client.get("/readyz"), 503, "not-ready")
        videos = api.client.get("/videos")

        assert api.client.get("/healthz").json() == {"status": "alive"}
        assert ready["checks"]["database"] != "ok"
        assert ready["checks"]["storage"] == "ok"
        _problem(videos, 503, "not-ready")
        assert videos.headers["retry-after"] == "5"


@pytest.mark.costly
def test_a_key_guards_every_route_that_tells_or_changes_something(
    database_url: str, tmp_path: Path
) -> None:
    key = "s3cret+/=; %2B"
    settings = make_settings(data_dir=tmp_path, database_url=database_url, api_key=key)
    with running_api(settings) as api:
        document = api.client.get("/openapi.json").json()
        for path, operations in document["paths"].items():
            address = path.replace("{video_id}", str(uuid4()))
            for method in operations:
                answer = api.client.request(method, address)
                is_open = path in ("/healthz", "/readyz", "/problems/{slug}")
                is_open |= (method, path) == ("post", "/session")  # takes a key itself
                is_open |= method == "options"  # asked before a key is sent
                assert (answer.status_code == 401) is not is_open, (method, path)
                guards = operations[method].get("security", [])
                assert bool(guards) is not is_open

        wrong = api.client.get("/videos", headers={"authorization": "Bearer nope"})
        right = api.client.get("/videos", headers={"authorization": f"Bearer {key}"})
        cookie = api.client.get(
            f"/videos/{uuid4()}/file",
            headers={"cookie": f"touchline_key={quote(key, safe='')}"},
        )
        _problem(wrong, 401, "not-authenticated")
        assert right.status_code == 200
        assert cookie.status_code == 404


def test_pages_of_other_sites_change_nothing(api: RunningApi, video: UUID) -> None:
    foreign = {"sec-fetch-site": "cross-site"}

    answer = api.client.delete(f"/videos/{video}", headers=foreign)

    _problem(answer, 403, "cross-site-refused")
    assert api.client.get(f"/videos/{video}").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", ""])
def test_a_name_bound_to_this_machine_by_others_opens_nothing(
    api: RunningApi, video: UUID, method: str, host: str
) -> None:
    path = "/videos" if method == "POST" else f"/videos/{video}"

    answer = api.client.request(method, path, headers={"host": host})
    media = api.client.get(f"/videos/{video}/file", headers={"host": host})

    for one in (answer, media):
        problem = _problem(one, 403, "host-refused")
        assert "TOUCHLINE_API_KEY" in problem["detail"]
    assert api.client.get(f"/videos/{video}").status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.1.2.3:9", "[::1]:8000", "127.0.0.1"]
)
def test_every_name_of_this_machine_is_let_in(api: RunningApi, host: str) -> None:
    assert api.client.get("/videos", headers={"host": host}).status_code == 200


def test_with_a_key_any_name_will_do(database_url: str, tmp_path: Path) -> None:
    settings = make_settings(data_dir=tmp_path, database_url=database_url, api_key="k")
    headers = {"host": "match.example", "authorization": "Bearer k"}
    with running_api(settings) as api:
        assert api.client.get("/videos", headers=headers).status_code == 200


@pytest.mark.costly
def test_the_name_of_the_public_url_is_let_in(
    database_url: str, tmp_path: Path
) -> None:
    settings = make_settings(
        data_dir=tmp_path,
        database_url=database_url,
        public_url="https://match.example/touchline",
    )
    with running_api(settings) as api:
        public = api.client.get("/videos", headers={"host": "match.example"})
        other = api.client.get("/videos", headers={"host": "other.example"})

    assert public.status_code == 200
    _problem(other, 403, "host-refused")


def _beat(api: RunningApi, name: str, kind: str = "gpu", **info: str) -> None:
    now = datetime.now(UTC)
    with api.service.sessions.begin() as session:
        session.add(WorkerHeartbeat(name=name, kind=kind, seen_at=now, info=info))


def _upload(api: RunningApi) -> dict[str, Any]:
    content = b"the bytes of a video"
    answer = api.client.post(
        "/videos",
        files={"file": ("a.mp4", content)},
        data={"title": "A match"},
    )
    body: dict[str, Any] = answer.json()
    return body


def _finish(
    api: RunningApi, video_id: UUID, spots: list[tuple[int, str, float]]
) -> None:
    """Write what a worker writes at the end of the waiting job, else of a new one."""
    labels = ("PASS", "DRIVE", "SHOT")
    time_s = np.arange(300) / FPS
    scores = np.full((300, 4), 0.01, dtype=np.float32)
    for time_ms, label, score in spots:
        step = round(time_ms * FPS / 1000)
        scores[step, labels.index(label) + 1] = score
    frames = np.arange(300)
    timeline = Timeline(labels, scores, time_s, frames, frames * 512)
    with api.service.sessions.begin() as session:
        video = session.get_one(Video, video_id)
        job = session.scalars(
            select(Job).where(
                Job.video_id == video_id,
                Job.kind == JobKind.SPOT,
                Job.status == JobStatus.QUEUED,
            )
        ).one_or_none()
        if job is None:
            job = Job(id=new_id(), video_id=video_id, created_at=datetime.now(UTC))
            session.add(job)
            session.flush()
        stored = api.service.storage.put(
            scores_key(video_id, job.id, uuid4()), timeline.to_bytes()
        )
        job.status, job.progress, job.finished_at = JobStatus.SUCCEEDED, 1.0, NOW
        found = [label for _, label, _ in spots]
        counts = {label: found.count(label) for label in dict.fromkeys(found)}
        job.result = {"counts": counts}
        analysis = Analysis(
            id=new_id(),
            video_id=video_id,
            job_id=job.id,
            checkpoint={},
            scores_key=stored.key,
            scores_sha256=stored.sha256,
            event_counts=counts,
            warnings={},
            requested_at=job.created_at,
            created_at=datetime.now(UTC),
        )
        session.add(analysis)
        session.flush()
        video.current_analysis_id = analysis.id
        video.width, video.height, video.fps, video.duration_s = 1280, 720, FPS, 10.0
        session.add_all(
            Event(
                video_id=video_id,
                analysis_id=analysis.id,
                seq=seq,
                time_ms=time_ms,
                pts=time_ms,
                frame=round(time_ms * FPS / 1000),
                label=label,
                score=score,
            )
            for seq, (time_ms, label, score) in enumerate(spots)
        )


def _add_delivery(api: RunningApi, video_id: UUID, job_id: UUID) -> UUID:
    delivery = Delivery(
        id=new_id(),
        video_id=video_id,
        job_id=job_id,
        type="video.completed",
        url="https://example.org/hook",
        body="{}",
        status=DeliveryStatus.FAILED,
        attempt=2,
        created_at=NOW,
        finished_at=NOW,
    )
    attempts = [
        DeliveryAttempt(
            delivery_id=delivery.id,
            number=number,
            at=NOW,
            duration_ms=12,
            status_code=status_code,
            error=error,
        )
        for number, status_code, error in ((1, 500, None), (2, None, "no answer"))
    ]
    with api.service.sessions.begin() as session:
        session.add(delivery)
        session.flush()
        session.add_all(attempts)
    return delivery.id


def _walk(api: RunningApi, path: str) -> tuple[list[dict[str, Any]], int]:
    """Follow a list from page to page by its Link header."""
    items: list[dict[str, Any]] = []
    pages, following = 0, path
    while following:
        answer = api.client.get(following)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        pages += 1
        following = answer.links.get("next", {}).get("url", "")
        assert (answer.json()["next_cursor"] is None) == (following == "")
    return items, pages


def _spots(events: list[dict[str, Any]]) -> list[tuple[int, str, float]]:
    """Read events; those of one time, whose order is that of their ids, by type."""
    return _by_type_within_a_time(
        [(round(one["time_s"] * 1000), one["type"], one["score"]) for one in events]
    )


def _by_type_within_a_time(
    spots: list[tuple[int, str, float]],
) -> list[tuple[int, str, float]]:
    groups = groupby(spots, key=lambda spot: spot[0])
    return [spot for _, group in groups for spot in sorted(group)]


def _problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["detail"]
    return problem


def _ask(api: RunningApi, question: TextClause) -> Any:
    with api.service.sessions() as session:
        return session.scalar(question)
