"""`/readyz` names what is away and why, the sweep and restarted workers included."""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import get_args

import pytest

from app.core.process_identity import ProcessIdentity
from app.core.process_report import (
    ProcessReport,
    ReportedProcess,
    remove_report,
    write_report,
)
from app.health.checks import CHECKS
from app.health.schemas import CheckName
from app.health.tables import WorkerHeartbeat
from tests.api_server import RunningApi

TROUBLE = "the gpu worker ended (exit code 1), 5 times in a row: OSError: no card"


API_SETTINGS = {"sweep_every": "1 s"}


@pytest.fixture
def api(shared_api: RunningApi) -> RunningApi:
    """An API whose workers are all well."""
    shared_api.forget_all()
    remove_report(shared_api.data_dir)
    beat(shared_api, "gpu")
    beat(shared_api, "media")
    beat(shared_api, "background", swept_at=datetime.now(UTC).isoformat())
    return shared_api


def beat(api: RunningApi, kind: str, *, age_s: float = 0.0, **info: object) -> None:
    """Write the heartbeat of a worker in the place of the one before."""
    seen_at = datetime.now(UTC) - timedelta(seconds=age_s)
    with api.service.sessions.begin() as session:
        session.merge(WorkerHeartbeat(name=kind, kind=kind, seen_at=seen_at, info=info))


def report(
    data_dir: Path,
    *,
    started_s: float | None,
    supervisor: ProcessIdentity | None = None,
) -> None:
    """Write what a supervisor, this process if none is named, tells of the worker."""
    process = ReportedProcess(
        name="gpu worker",
        stop_signal=15,
        stop_round=1,
        started_s=started_s,
        deaths=5,
        trouble=TROUBLE,
    )
    found = ProcessReport(
        supervisor=supervisor or ProcessIdentity.current(), processes=(process,)
    )
    assert write_report(data_dir, found)


def checks(api: RunningApi) -> dict[str, str]:
    found: dict[str, str] = api.client.get("/readyz").json()["checks"]
    return found


def test_all_checks_are_named_and_well(api: RunningApi) -> None:
    answer = api.client.get("/readyz")

    assert answer.status_code == 200
    assert set(answer.json()["checks"]) == {
        "database",
        "broker",
        "storage",
        "gpu",
        "media",
        "background",
    }


def test_a_background_worker_that_fell_silent_is_not_ready(api: RunningApi) -> None:
    beat(api, "background", age_s=600)

    assert api.client.get("/readyz").status_code == 503
    assert "none has been heard of" in checks(api)["background"]


def test_a_sweep_that_does_not_succeed_is_not_ready(api: RunningApi) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    beat(api, "background", swept_at=long_ago.isoformat())

    assert checks(api)["background"].startswith("the sweep has not succeeded for 6")


def test_a_clock_of_the_api_that_is_ahead_is_no_trouble_of_the_sweep(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Ahead":
            return cls.fromtimestamp(time.time() + 3000, tz)

    monkeypatch.setattr("app.health.checks.datetime", Ahead)

    assert checks(api)["background"] == "ok"


def test_a_problem_of_the_sweep_is_told(api: RunningApi) -> None:
    beat(api, "background", problem="the sweep fails: disk full")

    assert checks(api)["background"] == "the sweep fails: disk full"


@pytest.mark.parametrize("swept_at", [None, "soon", 5, "2026-01-01T00:00:00"])
def test_a_time_that_cannot_be_read_is_no_trouble(
    api: RunningApi, swept_at: object
) -> None:
    beat(api, "background", swept_at=swept_at)

    assert checks(api)["background"] == "ok"


def test_a_worker_that_is_away_is_not_ready_though_its_heartbeat_is_fresh(
    api: RunningApi,
) -> None:
    report(api.data_dir, started_s=None)

    assert checks(api)["gpu"] == f"it is not running ({TROUBLE})"


def test_the_heartbeat_of_a_worker_that_died_does_not_speak_for_the_next(
    api: RunningApi,
) -> None:
    beat(api, "gpu", age_s=5)
    report(api.data_dir, started_s=time.monotonic() - 1)

    before = checks(api)["gpu"]
    beat(api, "gpu")

    assert "since it was started" in before
    assert TROUBLE in before
    assert checks(api)["gpu"] == "ok"


def test_a_worker_that_fell_silent_long_after_its_start_is_told_so(
    api: RunningApi,
) -> None:
    beat(api, "gpu", age_s=600)
    report(api.data_dir, started_s=time.monotonic() - 3600)

    assert checks(api)["gpu"].startswith("none has been heard of for 30 s")


def test_what_a_supervisor_that_is_gone_told_counts_no_more(api: RunningApi) -> None:
    gone = ProcessIdentity(ProcessIdentity.current().machine, 2**22 + 1, "0")

    report(api.data_dir, started_s=None, supervisor=gone)

    assert checks(api)["gpu"] == "ok"


def test_the_training_worker_is_asked_for_only_where_it_is_meant_to_run(
    api: RunningApi,
) -> None:
    without = checks(api)
    beat(api, "train")
    running = checks(api)
    beat(api, "train", age_s=600)
    silent = checks(api)

    assert "train" not in without
    assert running["train"] == "ok"
    assert silent["train"].startswith("none has been heard of for 30 s")


def test_serve_asks_for_the_training_worker_that_it_starts(api: RunningApi) -> None:
    beat(api, "train", age_s=600)
    process = ReportedProcess(name="train worker", stop_signal=15, stop_round=1)
    served = ProcessReport(supervisor=ProcessIdentity.current(), processes=(process,))

    assert write_report(api.data_dir, served)

    assert checks(api)["train"] == "it is not running"


def test_what_an_earlier_serve_with_a_training_worker_left_is_not_missed(
    api: RunningApi,
) -> None:
    here = ProcessIdentity.current()
    gone = ProcessIdentity(here.machine, here.pid, "never")
    with api.service.sessions.begin() as session:
        name, seen_at = f"train here {gone}", datetime.now(UTC)
        session.add(WorkerHeartbeat(name=name, kind="train", seen_at=seen_at, info={}))
    process = ReportedProcess(name="gpu worker", stop_signal=15, stop_round=1)

    assert write_report(
        api.data_dir, ProcessReport(supervisor=here, processes=(process,))
    )

    assert "train" not in checks(api)


def test_what_is_excluded_is_not_asked_for(api: RunningApi) -> None:
    beat(api, "gpu", age_s=1000.0)
    beat(api, "train", problem="it cannot load torch")

    whole = api.client.get("/readyz")
    own = api.client.get("/readyz", params={"exclude": ["gpu", "train", "media"]})

    assert whole.status_code == 503
    assert set(whole.json()["checks"]) >= {"gpu", "train"}
    assert own.status_code == 200
    assert set(own.json()["checks"]) == {"database", "broker", "storage", "background"}


def test_every_check_may_be_excluded(api: RunningApi) -> None:
    names = [*CHECKS]

    assert set(get_args(CheckName)) == set(names)
    answer = api.client.get("/readyz", params={"exclude": names})
    assert (answer.status_code, answer.json()["checks"]) == (200, {})


def test_an_unknown_check_cannot_be_excluded(api: RunningApi) -> None:
    assert api.client.get("/readyz", params={"exclude": "disk"}).status_code == 422
