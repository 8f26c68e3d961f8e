"""Videos by their address, over real HTTP: from the request to the stored file."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.core.broker.notifier import BACKGROUND_QUEUE
from app.core.settings import Settings
from app.core.storage.keys import video_prefix
from app.jobs.tables import JobStatus
from app.webhooks.tables import Delivery
from tests.api_server import RunningApi, eventually
from tests.file_server import (
    Behave,
    FileRequest,
    FileServer,
    drip,
    hang,
    running_file_server,
    say,
    serve,
)
from tests.integration.worker_processes import background_worker, wait_until
from worker.downloads import transfer
from worker.job_loop import JobLoop
from worker.job_task import load_handlers
from worker.outcomes import WorkerContext

MIB = 2**20
API_SETTINGS = {
    "max_upload_size": 8 * MIB,
    "webhook_allow_nets": "127.0.0.0/8",
    "upload_idle": "1 s",
    "heartbeat": "0.2 s",
    "lease": "5 s",
}
CONTENT = os.urandom(3 * MIB + 5)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with running_file_server() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(transfer, "PAUSE_S", 0.001)


@pytest.fixture
def work(api: RunningApi) -> Callable[[], bool]:
    """Run the next job of a background worker in this process."""
    return JobLoop(context_of(api), load_handlers(BACKGROUND_QUEUE)).run_next


def context_of(api: RunningApi, **settings: object) -> WorkerContext:
    service = api.service
    return WorkerContext(
        settings=service.settings.model_copy(update=settings),
        sessions=service.sessions,
        storage=service.storage,
        notifier=service.notifier,
        predictors=None,
        node="background@test",
        leaving=threading.Event(),
    )


def test_a_video_by_its_address_is_fetched_and_then_analysed(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    named = {"content-disposition": 'attachment; filename="../final.mp4"'}
    server.paths["/match"] = serve(CONTENT, headers=named)

    answer = _ask(
        api,
        url=server.url("/match?token=secret"),
        title="Cup final",
        date="2026-05-30",
        competition="City Cup",
        callback_url=HOOK,
        priority=4,
    )
    asked = answer.json()
    file_before = api.client.get(asked["links"]["file"])
    jobs_before = api.client.post(asked["links"]["jobs"], json={})
    proxy_before = api.client.post(f"{asked['links']['self']}/proxy")
    has_run = work()
    video = api.client.get(asked["links"]["self"]).json()

    assert answer.status_code == 202
    assert answer.headers["location"] == asked["links"]["self"]
    assert (asked["status"], asked["stage"]) == ("queued", "download")
    assert (asked["size_bytes"], asked["sha256"]) == (None, None)
    assert asked["job"]["kind"] == "download"
    assert file_before.status_code == jobs_before.status_code == 409
    assert proxy_before.status_code == 409
    assert file_before.json()["type"] == "/problems/video-not-stored"
    assert has_run
    assert (video["size_bytes"], video["sha256"]) == (len(CONTENT), SHA256)
    assert (video["title"], video["filename"]) == ("Cup final", "final.mp4")
    assert (video["date"], video["competition"]) == ("2026-05-30", "City Cup")
    found = api.client.get("/videos", params={"q": "final.mp4 city"}).json()
    assert [one["id"] for one in found["items"]] == [video["id"]]
    others = {"import": None, "join": None, "live": None}
    assert video["source"] == {"url": server.url("/match"), **others}
    assert (video["status"], video["job"]["kind"]) == ("queued", "spot")
    assert api.client.get(video["links"]["file"]).content == CONTENT
    jobs = api.client.get(video["links"]["jobs"], params={"kind": "all"}).json()
    assert {job["kind"]: job["priority"] for job in jobs["items"]} == {
        **{"download": 4, "spot": 4, "thumbnails": 4}
    }
    assert _deliveries(api) == 0
    _, headers = server.asked[0]
    assert not headers.keys() & {"authorization", "cookie", "referer"}
    assert api.service.notifier.waiting("gpu") == 1


def test_a_download_goes_on_where_it_broke_off(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    server.paths["/match.mp4"] = serve(CONTENT, break_after=[MIB, MIB, 0, 0])
    asked = _ask(api, url=server.url()).json()

    work()

    assert _video(api, asked)["sha256"] == SHA256
    ranges = server.ranges()
    assert ranges[0] is None
    starts = [int(str(one).split("=")[1][:-1]) for one in ranges[1:]]
    assert starts == sorted(starts)
    assert 0 < starts[0] <= MIB < starts[-1]


def test_a_later_run_goes_on_with_what_an_earlier_one_brought(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    server.paths["/match.mp4"] = serve(CONTENT, break_after=[MIB] + 5 * [0])
    asked = _ask(api, url=server.url()).json()
    work()
    between = api.client.get(asked["links"]["job"]).json()
    server.asked.clear()

    JobLoop(context_of(api), load_handlers(BACKGROUND_QUEUE)).run_next()

    assert between["status"] == "queued"
    assert between["error"]["code"] == "download_failed"
    assert _video(api, asked)["sha256"] == SHA256
    assert server.ranges()[0] not in (None, "bytes=0-")


def test_a_file_that_changed_meanwhile_is_begun_anew(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    other = os.urandom(2 * MIB)
    server.paths["/match.mp4"] = serve(CONTENT, break_after=[MIB] + 5 * [0])
    asked = _ask(api, url=server.url()).json()
    work()
    server.paths["/match.mp4"] = serve(other, etag='"two"')

    JobLoop(context_of(api), load_handlers(BACKGROUND_QUEUE)).run_next()

    assert _video(api, asked)["sha256"] == hashlib.sha256(other).hexdigest()


@pytest.mark.parametrize("told", ["etag", "size"])
def test_parts_of_two_versions_are_never_mixed_though_a_server_does_not_compare(
    api: RunningApi, server: FileServer, work: Callable[[], bool], told: str
) -> None:
    second = CONTENT[::-1] if told == "etag" else CONTENT[::-1] + b"more"
    first = serve(CONTENT, break_after=[MIB])
    again = serve(second, etag='"two"' if told == "etag" else None)

    def behave(request: FileRequest) -> None:
        del request.headers["if-range"]  # Some servers do not heed it.
        (first if len(server.asked) == 1 else again)(request)

    server.paths["/match.mp4"] = behave
    asked = _ask(api, url=server.url()).json()

    work()

    assert _video(api, asked)["sha256"] == hashlib.sha256(second).hexdigest()


@pytest.mark.parametrize(
    "options", [{"etag": None}, {"ranges": False}], ids=["no-validator", "no-ranges"]
)
def test_a_server_that_cannot_go_on_is_asked_for_all_of_it_again(
    api: RunningApi,
    server: FileServer,
    work: Callable[[], bool],
    options: dict[str, Any],
) -> None:
    server.paths["/match.mp4"] = serve(CONTENT, break_after=[MIB], **options)
    asked = _ask(api, url=server.url()).json()

    work()

    assert _video(api, asked)["sha256"] == SHA256


def test_redirects_are_followed(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    server.paths["/here"] = say(302, {"location": "/there"})
    server.paths["/there"] = say(307, {"location": server.url("/match.mp4")})
    server.paths["/match.mp4"] = serve(CONTENT)
    asked = _ask(api, url=server.url("/here")).json()

    work()

    assert _video(api, asked)["sha256"] == SHA256


PAGE = b"\n <!DOCTYPE html><title>Log in</title>"


@pytest.mark.parametrize(
    ("behave", "code", "words"),
    [
        (say(404, {}), "source_not_found", "nothing at that address (404)"),
        (say(403, {}), "source_not_found", "log in (403)"),
        (say(200, {"content-type": "text/html; charset=x"}), "source_is_page", "page"),
        (say(200, {"content-type": "video/mp4"}, PAGE), "source_is_page", "web page"),
        (say(200, {"content-encoding": "gzip"}, b"x"), "source_unusable", "gzip"),
        (say(200, {}), "source_unusable", "empty"),
        (
            say(200, {"content-length": str(9 * MIB)}),
            "source_too_large",
            "larger than 8 MiB",
        ),
        (drip(forever=b"x" * MIB), "source_too_large", "larger than 8 MiB"),
        (
            say(302, {"location": "http://10.0.0.1/x"}),
            "download_refused",
            "not a public address",
        ),
        (
            say(302, {"location": "http://169.254.169.254/latest/"}),
            "download_refused",
            "not a public address",
        ),
        (say(302, {"location": "file:///etc/passwd"}), "download_refused", "full URL"),
        (
            say(302, {"location": "https://me:pw@127.0.0.1/"}),
            "download_refused",
            "user name",
        ),
        (say(302, {"location": "/match.mp4"}), "download_refused", "more than 5"),
    ],
)
def test_what_brings_no_video_fails_at_once_and_leaves_nothing(
    api: RunningApi,
    server: FileServer,
    work: Callable[[], bool],
    behave: Behave,
    code: str,
    words: str,
) -> None:
    server.paths["/match.mp4"] = behave
    asked = _ask(
        api, url=server.url("/match.mp4?token=secret"), callback_url=HOOK
    ).json()

    work()

    video = _video(api, asked)
    assert (video["status"], video["error"]["code"]) == ("failed", code)
    assert words in video["error"]["detail"]
    assert "secret" not in video["error"]["detail"]
    assert "pw" not in video["error"]["detail"]
    assert _stored(api, asked) == []
    assert _deliveries(api) == 1


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (say(503, {}), "answers 503"),
        (hang(b"x" * 1000), "did not answer in time"),
        (drip(forever=b"x"), "too slowly"),
    ],
)
def test_what_may_pass_is_tried_again_later(
    api: RunningApi,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    behave: Behave,
    words: str,
) -> None:
    monkeypatch.setattr(transfer, "TRIES", 1)
    server.paths["/match.mp4"] = behave
    asked = _ask(api, url=server.url()).json()
    context = context_of(api, upload_min_rate=10_000)

    JobLoop(context, load_handlers(BACKGROUND_QUEUE)).run_next()

    job = api.client.get(asked["links"]["job"]).json()
    assert (job["status"], job["error"]["code"]) == ("queued", "download_failed")
    assert words in job["error"]["detail"]


def test_a_stream_that_never_ends_is_given_up_after_its_time(
    api: RunningApi, server: FileServer
) -> None:
    server.paths["/live"] = drip(forever=b"x" * 1000)
    asked = _ask(api, url=server.url("/live")).json()
    context = context_of(api, download_timeout=timedelta(seconds=1))

    JobLoop(context, load_handlers(BACKGROUND_QUEUE)).run_next()

    assert _video(api, asked)["error"]["code"] == "download_too_slow"
    assert _stored(api, asked) == []


def test_a_download_that_is_canceled_ends_and_can_be_asked_for_again(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    server.paths["/match.mp4"] = hang(CONTENT[:1000])
    asked = _ask(api, url=server.url(), callback_url=HOOK).json()
    running = threading.Thread(target=work)
    running.start()
    eventually(lambda: _job(api, asked)["status"] == "running")

    api.client.post(f"{asked['links']['job']}/cancel")
    running.join(60)
    canceled = _video(api, asked)
    server.paths["/match.mp4"] = serve(CONTENT)
    again = api.client.post(asked["links"]["jobs"], json={"kind": "download"})
    twice = api.client.post(asked["links"]["jobs"], json={"kind": "download"})
    work()

    assert canceled["status"] == "canceled"
    assert again.status_code == 202
    assert twice.status_code == 422
    assert _video(api, asked)["sha256"] == SHA256
    here = api.client.post(asked["links"]["jobs"], json={"kind": "download"})
    assert here.status_code == 422
    assert api.client.post(asked["links"]["jobs"], json={}).status_code == 202


def test_a_video_that_is_deleted_while_it_downloads_leaves_nothing(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    server.paths["/match.mp4"] = hang(CONTENT[:1000])
    asked = _ask(api, url=server.url()).json()
    running = threading.Thread(target=work)
    running.start()
    eventually(lambda: _stored(api, asked) != [])

    deleted = api.client.delete(asked["links"]["self"])
    running.join(60)

    assert deleted.status_code == 204
    assert not running.is_alive()
    assert _stored(api, asked) == []
    assert not [path for path in api.kept_files() if path.is_file()]


def test_progress_is_shown_by_bytes(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    server.paths["/match.mp4"] = hang(b"x" * 250_000)
    asked = _ask(api, url=server.url()).json()
    running = threading.Thread(target=work)
    running.start()

    eventually(lambda: _job(api, asked)["progress"] == 0.25)
    job = _job(api, asked)
    api.client.post(f"{asked['links']['job']}/cancel")
    running.join(60)

    assert job["stage"] == "download"


@pytest.mark.parametrize(
    ("wanted", "slug", "words"),
    [
        ({"url": "http://10.0.0.1/a.mp4"}, "source-refused", "not a public address"),
        ({"url": "http://8.8.8.8/a.mp4"}, "source-refused", "url must use https"),
        ({"url": "https://me:pw@8.8.8.8/"}, "source-refused", "user name"),
        ({"url": "ftp://8.8.8.8/a.mp4"}, "source-refused", "full URL"),
        ({"url": "https://nobody.invalid/a"}, "source-refused", "does not resolve"),
        ({"url": ""}, "source-refused", "full URL"),
        ({}, "invalid-request", "one of 'url', 'import' and 'videos'"),
        ({"url": "https://x/", "import": "a.mp4"}, "invalid-request", "one of 'url'"),
        ({"url": "https://8.8.8.8/", "file": 1}, "invalid-request", "file"),
        ({"url": "http://127.0.0.1/", "model": "nobody"}, "unknown-model", "nobody"),
        ({"url": "http://127.0.0.1/", "priority": 11}, "invalid-request", "priority"),
        ({"url": "http://127.0.0.1/", "date": "soon"}, "invalid-request", "date"),
        (["https://8.8.8.8/"], "invalid-request", "an object"),
    ],
)
def test_what_cannot_be_fetched_is_refused_at_once(
    api: RunningApi, wanted: object, slug: str, words: str
) -> None:
    answer = api.client.post("/videos", json=wanted)

    assert answer.status_code == 422
    assert answer.json()["type"] == f"/problems/{slug}"
    assert words in answer.json()["detail"]
    assert "pw" not in answer.json()["detail"]
    assert api.client.get("/videos").json()["items"] == []


def test_json_that_is_none_is_refused(api: RunningApi) -> None:
    headers = {"content-type": "application/json"}

    answers = [
        api.client.post("/videos", content=body, headers=headers)
        for body in (b"", b"{", b'{"url": "\\ud800"}', b"\xff")
    ]

    assert {answer.status_code for answer in answers} == {422}


def test_a_request_with_a_key_is_answered_with_the_same_video(
    api: RunningApi,
) -> None:
    key = {"idempotency-key": "one"}
    url = "http://127.0.0.1:9/match.mp4"

    first = api.client.post("/videos", json={"url": url}, headers=key)
    again = api.client.post("/videos", json={"url": url}, headers=key)
    other = api.client.post("/videos", json={"url": f"{url}?"}, headers=key)

    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 422
    assert len(api.client.get("/videos").json()["items"]) == 1


def test_the_same_file_twice_is_told_however_it_comes(
    api: RunningApi, server: FileServer, work: Callable[[], bool]
) -> None:
    server.paths["/match.mp4"] = serve(CONTENT)
    first = api.client.post("/videos", files={"file": ("a.mp4", CONTENT)}).json()
    second = api.client.post("/videos", files={"file": ("b.mp4", CONTENT)}).json()
    asked = _ask(api, url=server.url()).json()
    work()
    third = _video(api, asked)
    other = api.client.post("/videos", files={"file": ("c.mp4", b"other")}).json()

    found = api.client.get("/videos", params={"sha256": SHA256.upper()}).json()["items"]
    none = api.client.get("/videos", params={"sha256": "0" * 64}).json()["items"]
    wrong = api.client.get("/videos", params={"sha256": "xyz"})

    assert first["duplicate_of"] is None
    assert other["duplicate_of"] is None
    assert second["duplicate_of"] == third["duplicate_of"] == first["id"]
    assert [one["id"] for one in found] == [third["id"], second["id"], first["id"]]
    assert none == []
    assert wrong.status_code == 422
    api.client.delete(first["links"]["self"])
    assert _video(api, third)["duplicate_of"] is None


@pytest.mark.costly
def test_the_background_worker_fetches_what_was_asked_for(
    api: RunningApi, api_settings: Settings, server: FileServer, tmp_path: Path
) -> None:
    log = tmp_path / "background.log"
    server.paths["/match.mp4"] = serve(CONTENT)
    asked = [_ask(api, url=server.url()).json() for _ in range(4)]

    with background_worker("background@here", api_settings, log):
        wait_until(
            lambda: all(_video(api, one)["sha256"] == SHA256 for one in asked),
            "all are fetched",
            log,
        )


@pytest.mark.nightly
def test_a_download_outlives_a_worker_that_is_killed(
    api: RunningApi, api_settings: Settings, server: FileServer, tmp_path: Path
) -> None:
    log = tmp_path / "background.log"
    server.paths["/match.mp4"] = hang(CONTENT[:500_000])
    asked = _ask(api, url=server.url()).json()
    with background_worker("background@here", api_settings, log) as process:
        wait_until(lambda: _stored(api, asked) != [], "bytes have come", log)
        process.kill()
    server.paths["/match.mp4"] = serve(CONTENT)

    with background_worker("background@there", api_settings, log):
        wait_until(lambda: _video(api, asked)["sha256"] == SHA256, "all is here", log)

    assert _job(api, asked)["status"] == JobStatus.SUCCEEDED


def _ask(api: RunningApi, **wanted: object) -> httpx.Response:
    return api.client.post("/videos", json=wanted)


def _video(api: RunningApi, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(asked["links"]["self"]).json()
    return found


def _job(api: RunningApi, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(asked["links"]["job"]).json()
    return found


def _stored(api: RunningApi, asked: dict[str, Any]) -> list[str]:
    found = api.service.storage.list(video_prefix(asked["id"]))
    return [one.key for one in found if not one.key.endswith(".json")]


def _deliveries(api: RunningApi) -> int:
    with api.service.sessions() as session:
        return session.scalars(select(func.count()).select_from(Delivery)).one()
