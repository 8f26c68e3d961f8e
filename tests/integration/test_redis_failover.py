"""The broker on Redis with TLS, with a password, and behind Sentinels."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from app.core.broker.notifier import GPU_QUEUE, JobNotifier, make_celery
from app.core.broker.redis_ping import check_redis
from app.core.broker.redis_urls import SentinelUrl, with_password
from app.core.db.session import Sessions
from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.health.tables import WorkerHeartbeat
from tests.certificates import Certificates, make_certificates
from tests.integration.uploaded import upload
from tests.integration.worker_processes import (
    background_worker,
    gpu_worker,
    wait_until,
)
from tests.redis_servers import (
    PASSWORD,
    PRIMARY,
    SENTINELS_PASSWORD,
    RedisServer,
    Watched,
    running_sentinels,
    running_server,
)
from tests.services import open_folder
from tests.videos import draw_video
from worker.watchdog import RESTART_CODE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with open_folder() as folder:
        yield make_certificates(folder)


@pytest.fixture(scope="module")
def tls_redis(certificates: Certificates) -> Iterator[RedisServer]:
    with open_folder() as folder, running_server(folder, tls=certificates) as server:
        yield server


@pytest.fixture(
    params=[
        pytest.param(False, id="plain"),
        pytest.param(True, id="TLS", marks=pytest.mark.nightly),
    ]
)
def watched(
    request: pytest.FixtureRequest, certificates: Certificates
) -> Iterator[Watched]:
    tls = certificates if request.param else None
    with open_folder() as folder, running_sentinels(folder, tls=tls) as found:
        yield found


def of_tls(server: RedisServer, **values: object) -> Settings:
    url = f"rediss://127.0.0.1:{server.port}/0"
    password = SecretStr(PASSWORD)
    return Settings.model_validate(
        {"redis_url": url, "redis_password": password, **values}
    )


def problem(settings: Settings) -> str | None:
    return JobNotifier(make_celery(settings)).problem()


def test_tls_with_a_password_carries_messages(
    tls_redis: RedisServer, certificates: Certificates
) -> None:
    settings = of_tls(tls_redis, redis_ca=certificates.ca)
    notifier = JobNotifier(make_celery(settings))
    check_redis(settings)

    assert notifier.notify_job(uuid4())
    assert notifier.waiting(GPU_QUEUE) == 1


@pytest.mark.costly
def test_an_authority_that_is_not_trusted_is_refused(tls_redis: RedisServer) -> None:
    with pytest.raises(StartFailed, match="certificate verify failed"):
        check_redis(of_tls(tls_redis))

    assert problem(of_tls(tls_redis)) == "it does not answer"


def test_a_wrong_password_is_told(
    tls_redis: RedisServer, certificates: Certificates
) -> None:
    wrong = of_tls(tls_redis, redis_ca=certificates.ca, redis_password=SecretStr("x"))

    with pytest.raises(StartFailed, match=r"REDIS_URL cannot be used: .*pass"):
        check_redis(wrong)


def behind(watched: Watched, settings: Settings) -> Settings:
    tls = watched.primary.tls
    return settings.model_copy(
        update={
            "redis_url": watched.url(),
            "redis_password": SecretStr(PASSWORD),
            "redis_sentinel_password": SecretStr(SENTINELS_PASSWORD),
            "redis_ca": None if tls is None else tls.ca,
        }
    )


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "TOUCHLINE_REDIS_PASSWORD": PASSWORD,
        "TOUCHLINE_REDIS_SENTINEL_PASSWORD": SENTINELS_PASSWORD,
        "TOUCHLINE_REDIS_CA": str(settings.redis_ca or ""),
    }


class SupervisedWorker:
    """A GPU worker that is started anew when it ends to be, as supervisors do it.

    Now and then Celery does not notice that its Redis is gone; a worker that hears
    nothing while messages wait ends for that.
    """

    def __init__(self, settings: Settings, folder: Path, stack: ExitStack) -> None:
        self._settings, self._folder, self._stack = settings, folder, stack
        self.log = folder / "gpu.log"
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        more = environment_of(self._settings)
        return self._stack.enter_context(
            gpu_worker("gpu@here", self._settings, self.log, environment=more)
        )

    def wait_until(self, look: Callable[[], bool], what: str) -> None:
        def step() -> bool:
            if self._process.poll() is not None:
                assert self._process.returncode == RESTART_CODE, self.log.read_text()
                self._process = self._start()
            return look()

        wait_until(step, what, self.log)


@dataclass(frozen=True)
class Heard:
    """How many messages a worker's process has received."""

    process: str
    messages: int

    @classmethod
    def last(cls, sessions: Sessions) -> "Heard":
        """Read it of the GPU worker that was seen last."""
        beats = select(WorkerHeartbeat).where(WorkerHeartbeat.kind == "gpu")
        newest = beats.order_by(WorkerHeartbeat.seen_at.desc()).limit(1)
        with sessions() as session:
            beat = session.scalar(newest)
        if beat is None:
            return cls("", 0)
        told = beat.info.get("messages")
        return cls(beat.name, told if isinstance(told, int) else 0)

    def is_more_than(self, before: "Heard") -> bool:
        known = before.messages if self.process == before.process else 0
        return self.messages > known


@pytest.mark.costly
def test_a_failover_costs_a_delay_and_no_job(
    watched: Watched,
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    tmp_path: Path,
) -> None:
    settings = behind(watched, settings)
    check_redis(settings)
    notifier = JobNotifier(make_celery(settings))
    draw_video(tmp_path / "a.mp4", frames=40, fps=15, size=(96, 54))

    def ask() -> Any:
        job = upload(tmp_path / "a.mp4", sessions=sessions, storage=storage)
        notifier.notify_job(job.job_id)
        return job

    def is_heard_again() -> bool:
        if not notifier.notify_job(uuid4()):
            time.sleep(0.5)
            return False
        return Heard.last(sessions).is_more_than(before)

    with (
        background_worker(
            "background@here",
            settings,
            tmp_path / "background.log",
            environment=environment_of(settings),
        ),
        ExitStack() as stack,
    ):
        worker = SupervisedWorker(settings, tmp_path, stack)
        jobs = [ask()]
        worker.wait_until(
            lambda: Heard.last(sessions).messages > 0, "it is woken by Redis"
        )
        jobs += [ask(), ask()]
        watched.primary.kill()
        jobs += [ask(), ask()]
        worker.wait_until(
            lambda: all(one.job().status == "succeeded" for one in jobs),
            "all jobs have ended",
        )
        before = Heard.last(sessions)
        worker.wait_until(is_heard_again, "the new primary wakes it")

    assert [one.job().attempt for one in jobs] == [1] * len(jobs)
    with watched.replica.client() as client:
        assert client.role()[0] == b"master"


def test_a_primary_that_no_sentinel_knows_is_named(
    watched: Watched, settings: Settings
) -> None:
    url = watched.url().replace(f"/{PRIMARY}/", "/another/")
    unknown = behind(watched, settings).model_copy(update={"redis_url": url})

    with pytest.raises(StartFailed, match="no Sentinel knows a primary 'another'"):
        check_redis(unknown)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sentinel://a:26379", "names no primary"),
        ("sentinel://a:port/touchline", "no host of a Sentinel"),
        ("sentinels://a/touchline/first", "names no primary"),
    ],
)
def test_a_url_of_sentinels_that_cannot_be_read_shows_the_form(
    url: str, words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings.model_validate({"redis_url": url})


def test_a_url_of_sentinels_names_all_of_them() -> None:
    found = SentinelUrl.parse("sentinel://me:p%40ss@a:1,b,[::1]:2/touchline/3")

    assert found.hosts == (("a", 1), ("b", 26379), ("[::1]", 2))
    assert (found.primary, found.database) == ("touchline", 3)
    assert (found.user, found.password) == ("me", "p@ss")


def test_a_password_is_put_where_none_is() -> None:
    assert with_password("redis://h:1/0", "p@s/s") == "redis://:p%40s%2Fs@h:1/0"
    assert with_password("rediss://me@h/0", "x") == "rediss://me:x@h/0"
    assert with_password("redis://:own@h/0", "x") == "redis://:own@h/0"
