"""The real training worker and its processes: killed, paused, canceled, resumed."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from app.comparisons.tables import Comparison
from app.core.process_identity import machine_id
from app.health.queries import save_heartbeat
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.trainings.service import remove_training
from model.checkpoint.library import find_named, list_checkpoints
from tests.api_server import RunningApi
from tests.integration.trainings import (
    Asked,
    ask_for_training,
    context_of,
    reviewed_library,
    statuses,
)
from tests.integration.worker_processes import (
    children_of,
    train_worker,
    wait_until,
)
from tests.thoroughness import kills_everywhere
from tests.unit.model.teaching.toys import toy_base
from worker.sweeper import sweep
from worker.training.scratch import sweep_scratch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.costly]

# Each takes a new process that loads torch: one of the training, one of its worker.
MOST_KILLS = 100 if kills_everywhere() else 2


@pytest.fixture
def api(shared_api: RunningApi, tmp_path: Path) -> RunningApi:
    """A service with three reviewed matches and a small network to start from."""
    shared_api.forget_all()
    models = shared_api.data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    toy_base(models / "toy.touchline")
    reviewed_library(shared_api, tmp_path / "toys")
    return shared_api


def training_processes(worker: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """List the processes that train, below a worker."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(worker.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "worker.training.child" in child.cmdline():
                    found.append(child)
    return found


def requeue_dead(asked: Asked) -> None:
    """Do what the sweep of the background worker does."""
    context = context_of(asked.api)
    sweep(
        settings=context.settings,
        sessions=context.sessions,
        storage=context.storage,
        notifier=context.notifier,
    )


@pytest.mark.nightly
def test_a_training_that_is_killed_in_every_stage_goes_on_to_its_end(
    api: RunningApi, tmp_path: Path
) -> None:
    before, asked = statuses(api), ask_for_training(api, base="toy")
    log = tmp_path / "train.log"
    settings = api.service.settings
    killed: dict[str, int] = {}

    def kill_in_each_stage() -> bool:
        """Kill the training's process in one stage, its worker's child in the next."""
        requeue_dead(asked)
        job = asked.job()
        stage = job.stage if job.status == "running" else None
        is_new = stage is not None and stage not in killed and stage != "compare"
        if stage is not None and is_new and len(killed) < MOST_KILLS:
            victims = [one.pid for one in training_processes(worker)]
            if len(killed) % 2:
                victims = children_of(worker)
            for pid in victims[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                killed[stage] = pid
        return asked.has_ended

    with train_worker("train@here", settings, log) as worker:
        wait_until(kill_in_each_stage, "the training has ended", log, patience_s=3000)
        wait_until(lambda: not asked.scratch.exists(), "its scratch is swept", log)
        left = training_processes(worker)

    job, row = asked.job(), asked.row()
    assert job.status == "succeeded", (job.error_code, job.error_detail)
    assert len(killed) >= min(4, MOST_KILLS)
    assert row.model == "hall@1"
    made = find_named("hall@1", api.data_dir / "models")
    assert made.exists()
    assert [one.name for one in list_checkpoints(api.data_dir / "models")].count(
        "hall@1"
    ) == 1
    curves: dict[tuple[str, str], list[int]] = {}
    for point in asked.points():
        curves.setdefault((point.kind, point.stage), []).append(point.step)
    assert curves
    assert all(steps == sorted(set(steps)) for steps in curves.values())
    assert row.data is not None
    assert row.data["holdout"]
    with api.service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Comparison)) == 1
    assert left == []
    assert statuses(api) == before


def test_it_pauses_for_an_analysis_frees_its_memory_and_a_cancel_ends_it(
    api: RunningApi, tmp_path: Path
) -> None:
    asked, log = ask_for_training(api, base="toy"), tmp_path / "train.log"
    service = api.service

    def ask_for_analysis() -> None:
        info = {"machine": machine_id(), "state": "ready"}
        with service.sessions.begin() as session:
            session.execute(save_heartbeat(name="gpu", kind="gpu", info=info))

    with train_worker("train@here", service.settings, log) as worker:
        psutil.Process(worker.pid).cpu_affinity([min(os.sched_getaffinity(0))])
        wait_until(lambda: bool(training_processes(worker)), "it trains", log)
        video_id = next(iter(statuses(api)))
        with service.sessions.begin() as session:
            spot = request(
                session,
                kind=JobKind.SPOT,
                video_id=video_id,
            ).id

        def paused() -> bool:
            ask_for_analysis()
            return asked.job().stage == "paused"

        wait_until(paused, "it pauses", log, patience_s=1200)
        while_paused = training_processes(worker)
        with service.sessions.begin() as session:
            cancel(session, spot, settings=service.settings)
        wait_until(
            lambda: bool(training_processes(worker)), "it goes on", log, patience_s=600
        )
        with service.sessions.begin() as session:
            cancel(session, asked.job_id, settings=service.settings)
        wait_until(lambda: asked.has_ended, "it is canceled", log)
        wait_until(lambda: not training_processes(worker), "nothing trains", log)
        wait_until(lambda: not asked.scratch.exists(), "its scratch is swept", log)

    assert while_paused == []
    assert asked.job().status == "canceled"
    assert "paused: analyses wait" in asked.log()
    assert asked.row().model is None
    assert not [
        one.name
        for one in list_checkpoints(api.data_dir / "models")
        if one.name.startswith("hall@")
    ]


def test_a_training_that_is_deleted_stops_and_leaves_nothing(
    api: RunningApi, tmp_path: Path
) -> None:
    asked, log = ask_for_training(api, base="toy"), tmp_path / "train.log"

    with train_worker("train@here", api.service.settings, log) as worker:
        wait_until(lambda: bool(training_processes(worker)), "it trains", log)
        with api.service.sessions.begin() as session:
            remove_training(session, asked.id, settings=api.service.settings)
        wait_until(lambda: asked.has_ended, "its job is canceled", log)
        wait_until(lambda: not training_processes(worker), "nothing trains", log)
        wait_until(lambda: not asked.scratch.exists(), "its scratch is swept", log)

    assert asked.job().status == "canceled"
    sweep_scratch(context_of(api))
