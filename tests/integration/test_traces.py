"""A trace is passed on by rows and webhooks also where no span is recorded."""

import threading
from pathlib import Path
from uuid import UUID

import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.tracing.context import TraceContext, in_trace
from app.jobs import service
from app.jobs.kinds import JobKind
from app.jobs.tables import Job
from tests.api_server import RunningApi
from tests.integration.test_api import _upload
from tests.integration.test_logs import lines
from tests.integration.uploaded import Uploaded, upload
from tests.integration.webhooks import deliver
from tests.receivers import running_receiver
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter
from worker.outcomes import WorkerContext
from worker.runner import run_job

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{SPAN}-01"


def fine(_task: JobTask, _context: HandlerContext, report: Reporter) -> JobResult:
    report.progress("spot", 1.0)
    return JobResult()


@pytest.fixture
def context(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    return WorkerContext(
        settings=settings,
        sessions=sessions,
        storage=storage,
        predictors=None,
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


def uploaded(
    tmp_path: Path, sessions: Sessions, storage: Storage, url: str
) -> Uploaded:
    (tmp_path / "video").write_bytes(b"bytes")
    job = upload(
        tmp_path / "video", sessions=sessions, storage=storage, callback_url=url
    )
    job.set(traceparent=SENT)
    return job


@pytest.mark.parametrize("sent", [SENT, "rubbish", None])
def test_a_job_keeps_the_trace_of_its_request(
    api: RunningApi, sent: str | None
) -> None:
    video = _upload(api)
    headers = {} if sent is None else {"traceparent": sent}
    with lines() as found:
        made = api.client.post(
            f"/videos/{video['id']}/jobs", headers=headers, json={"kind": "proxy"}
        ).json()

    with api.service.sessions() as session:
        kept = session.get_one(Job, UUID(made["id"])).traceparent
    (asked,) = [one for one in found if one["event"] == "job_requested"]
    assert kept == (SENT if sent == SENT else None)
    assert asked.get("trace_id") == (TRACE if sent == SENT else None)


def test_two_of_them_are_as_good_as_none(api: RunningApi) -> None:
    video = _upload(api)
    twice = [("traceparent", SENT), ("traceparent", SENT)]
    made = api.client.post(f"/videos/{video['id']}/jobs", headers=twice).json()

    with api.service.sessions() as session:
        assert session.get_one(Job, UUID(made["id"])).traceparent is None


def test_the_webhook_and_the_log_carry_it(
    context: WorkerContext, sessions: Sessions, storage: Storage, tmp_path: Path
) -> None:
    with running_receiver() as receiver, lines() as found:
        job = uploaded(tmp_path, sessions, storage, receiver.url)
        run_job(job.job_id, context=context, handlers={JobKind.SPOT: fine})
        (message,) = job.deliveries()
        deliver(message.id, sessions=sessions)
        ((headers, _),) = receiver.received

    assert message.traceparent == headers["traceparent"] == SENT
    told = {one["event"] for one in found if one.get("trace_id") == TRACE}
    assert {"job_started", "job_ended", "webhook_attempt"} <= told


def test_the_end_of_a_job_is_told_in_its_own_trace_whoever_ends_it(
    settings: Settings, sessions: Sessions, storage: Storage, tmp_path: Path
) -> None:
    job = uploaded(tmp_path, sessions, storage, "http://127.0.0.1:9/")
    another = TraceContext.parse(f"00-{'a' * 32}-{SPAN}-01")
    with in_trace(another), sessions.begin() as session:
        service.cancel(session, job.job_id, settings=settings)

    (message,) = job.deliveries()
    assert message.traceparent == SENT


def test_without_a_trace_a_webhook_has_no_such_header(
    context: WorkerContext, sessions: Sessions, storage: Storage, tmp_path: Path
) -> None:
    with running_receiver() as receiver:
        job = uploaded(tmp_path, sessions, storage, receiver.url)
        job.set(traceparent=None)
        run_job(job.job_id, context=context, handlers={JobKind.SPOT: fine})
        (message,) = job.deliveries()
        deliver(message.id, sessions=sessions)

    ((headers, _),) = receiver.received
    assert "traceparent" not in headers
