"""What keeps a training from being done, and what it leaves: no network is needed."""

import errno
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.core.broker.notifier import GPU_QUEUE
from app.core.db.base import new_id
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.process_identity import machine_id
from app.datasets.staging import staged
from app.health.tables import WorkerHeartbeat
from app.jobs.bulk_routes import LOW_PRIORITY
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.jobs.tables import JobStatus
from app.trainings.options import Holdout, TrainingOptions
from app.trainings.service import remove_training
from app.videos.tables import Video
from model.checkpoint.library import find_named, list_checkpoints
from model.checkpoint.publish import import_checkpoint_file, publish_checkpoint
from model.errors import Canceled, TrainingFailed
from tests.api_server import RunningApi
from tests.bucket_storage import storage_in
from tests.integration.trainings import (
    Asked,
    ask_for_training,
    context_of,
    reviewed_library,
    statuses,
)
from tests.s3_server import S3OfTests
from worker.handlers.train import result_of, train_model
from worker.job_task import JobResult
from worker.runner import run_job
from worker.training.dataset import TeachingSet, make_teaching_set
from worker.training.giving_way import Machine, Queue
from worker.training.messages import Message
from worker.training.publish import Product, publish
from worker.training.record import TrainingRecord
from worker.training.run import TrainingRun
from worker.training.scratch import sweep_scratch

HANDLERS = {JobKind.TRAIN: train_model}


@pytest.fixture(scope="module")
def matches(
    shared_api: RunningApi, tmp_path_factory: pytest.TempPathFactory
) -> list[UUID]:
    """Three reviewed matches, for all tests of the module."""
    return reviewed_library(shared_api, tmp_path_factory.mktemp("toys"))


@pytest.fixture
def api(shared_api: RunningApi, matches: list[UUID]) -> Iterator[RunningApi]:
    """The module's API, with the matches and without heartbeats."""
    yield shared_api
    with shared_api.service.sessions.begin() as session:
        session.query(WorkerHeartbeat).delete()
    shutil.rmtree(shared_api.data_dir / "trainings", ignore_errors=True)


def run(asked: Asked, **settings: object) -> JobStatus | None:
    context = context_of(asked.api, **settings)
    return run_job(asked.job_id, context=context, handlers=HANDLERS)


@pytest.mark.parametrize(
    ("base", "options", "code", "words"),
    [
        ("gone", TrainingOptions(), "bad_checkpoint", "no checkpoint called 'gone'"),
        (
            None,
            TrainingOptions(start="noise", videos=(str(uuid4()),)),
            "cannot_train",
            "the project has no video",
        ),
        (
            None,
            TrainingOptions(start="noise", holdout=Holdout((str(uuid4()),))),
            "cannot_train",
            "cannot be held out",
        ),
    ],
)
def test_what_cannot_be_trained_fails_with_its_reason_and_touches_no_video(
    api: RunningApi,
    base: str | None,
    options: TrainingOptions,
    code: str,
    words: str,
) -> None:
    before = statuses(api)
    asked = ask_for_training(api, base=base, options=options)

    status = run(asked)

    job = asked.job()
    assert status is JobStatus.FAILED
    assert job.error_code == code
    assert words in str(job.error_detail)
    assert statuses(api) == before


def test_a_full_disk_is_waited_for(api: RunningApi) -> None:
    asked = ask_for_training(api)

    status = run(asked, min_free_space=2**60)

    job = asked.job()
    assert status is JobStatus.QUEUED
    assert (job.error_code, job.attempt) == ("storage_full", 0)


def test_what_is_learned_from_and_judged_by_stands_in_the_training(
    api: RunningApi, matches: list[UUID]
) -> None:
    options = TrainingOptions(start="noise", holdout=Holdout((str(matches[2]),)))
    asked = ask_for_training(api, base="gone", options=options)

    run(asked)

    data: Any = asked.row().data
    assert data["split"] == {"by": "matches", "note": None}
    assert data["holdout"] == [{"video_id": str(matches[2]), "spans": [[0.0, 16.0]]}]
    assert sum(data["counts"]["train"].values()) > sum(data["counts"]["val"].values())
    assert data["minutes"] == pytest.approx(3 * 16 / 60, abs=0.01)


def test_videos_of_a_bucket_stay_on_the_machine_until_they_are_decoded(
    api: RunningApi,
    matches: list[UUID],
    s3: S3OfTests,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker's cache has room for one of them, beside those that are used."""
    bucket = storage_in(s3, tmp_path / "cache", monkeypatch, cache_bytes=1)
    with api.service.sessions() as session:
        keys = session.scalars(select(Video.storage_key)).all()
    for key in map(str, keys):
        bucket.put(key, api.service.storage.get(key))
    asked = ask_for_training(
        api, base=None, options=TrainingOptions(start="noise", minutes=0.3)
    )
    context = replace(context_of(api), storage=bucket)
    files: list[bool] = []

    def look(_: TrainingRun) -> Message:
        links = sorted((asked.scratch / "dataset").rglob("video.mp4"))
        files.extend(link.is_file() for link in links)
        raise Canceled("seen enough")

    monkeypatch.setattr(TrainingRun, "to_the_end", look)

    run_job(asked.job_id, context=context, handlers=HANDLERS)

    assert files == [True] * len(matches)


def test_a_data_set_that_an_earlier_run_still_writes_is_waited_for(
    api: RunningApi,
) -> None:
    asked = ask_for_training(
        api, base=None, options=TrainingOptions(start="noise", minutes=0.3)
    )
    asked.scratch.mkdir(parents=True)

    with staged(asked.scratch / "dataset", may_replace=True):
        status = run(asked)

    job = asked.job()
    assert (status, job.error_code) == (JobStatus.QUEUED, "training_busy")


def test_a_data_set_that_a_power_cut_tore_is_written_anew(api: RunningApi) -> None:
    asked = ask_for_training(
        api, base="gone", options=TrainingOptions(start="noise", minutes=0.3)
    )
    folder = asked.scratch / "dataset"
    (folder / "a").mkdir(parents=True)
    (folder / "dataset.json").touch()

    run(asked)

    assert asked.job().error_code == "bad_checkpoint"  # as its base is gone: later
    assert asked.row().data is not None
    assert not (folder / "a").exists()


def test_a_database_that_is_away_for_a_moment_costs_a_training_nothing(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask_for_training(
        api, base=None, options=TrainingOptions(start="noise", minutes=0.3)
    )

    def away(*_: object, **__: object) -> None:
        raise OperationalError("update jobs", None, Exception("it is away"))

    def goes_on(training: TrainingRun) -> Message:
        training.note_further(0.5)
        raise TrainingFailed("as far as this test goes")

    monkeypatch.setattr("worker.handlers.train.note_further", away)
    monkeypatch.setattr(TrainingRun, "to_the_end", goes_on)

    status = run(asked)

    assert (status, asked.job().error_code) == (JobStatus.FAILED, "training_failed")


def test_events_are_counted_as_what_they_are_taught_as(api: RunningApi) -> None:
    plain = ask_for_training(api, base="gone", options=TrainingOptions(start="noise"))
    mapped = ask_for_training(
        api,
        base="gone",
        options=TrainingOptions(
            start="noise", types=("POINT",), mapping={"BASKET": "POINT"}
        ),
    )

    for one in (plain, mapped):
        run(one)

    data: list[Any] = [one.row().data for one in (plain, mapped)]
    before, after = (one["counts"] for one in data)
    for part in ("train", "val"):
        assert after[part] == {"POINT": before[part]["BASKET"]}
    made = TeachingSet.read(
        mapped.scratch / "dataset", TrainingOptions.read(mapped.row().options)
    )
    assert made is not None
    assert made.lineage()["events"] == after["train"]


def test_what_its_base_has_learned_from_is_not_held_out(
    api: RunningApi, matches: list[UUID], tmp_path: Path
) -> None:
    folder = api.data_dir / "models"
    known = {"stretches": {str(one): [[0.0, 16.0]] for one in matches[:2]}}
    base = publish_checkpoint(find_named("arena-rny002"), "base", folder, lineage=known)
    child = publish_checkpoint(
        find_named("arena-rny002"), "child", folder, lineage={"base": base}
    )
    asked = ask_for_training(api, base=child, options=TrainingOptions())

    made = make_teaching_set(
        tmp_path / "dataset", asked.row(), context_of(api), touchline="", report=print
    )

    held = {one["video_id"] for one in made.facts()["holdout"]}
    assert held == {str(matches[2])}


def test_what_its_base_has_learned_from_is_known_when_it_is_uploaded_anew(
    api: RunningApi, matches: list[UUID], tmp_path: Path
) -> None:
    """Its halves were joined and deleted, or its file was sent once more."""
    first = make_teaching_set(
        tmp_path / "first",
        ask_for_training(
            api, base=None, options=TrainingOptions(holdout=Holdout((str(matches[2]),)))
        ).row(),
        context_of(api),
        touchline="",
        report=print,
    )
    lineage = first.lineage()
    for name in ("stretches", "files"):  # of videos that are no more
        lineage[name] = {str(uuid4()): one for one in lineage[name].values()}
    base = publish_checkpoint(
        find_named("arena-rny002"), "older", api.data_dir / "models", lineage=lineage
    )
    asked = ask_for_training(api, base=base, options=TrainingOptions())

    made = make_teaching_set(
        tmp_path / "dataset", asked.row(), context_of(api), touchline="", report=print
    )

    held = {one["video_id"] for one in made.facts()["holdout"]}
    assert held == {str(matches[2])}
    told = api.client.get(f"/models/{base}").json()["provenance"]["lineage"]
    assert told["videos"] == 2
    assert "files" not in told


def test_folders_of_trainings_that_ended_or_were_deleted_are_swept(
    api: RunningApi,
) -> None:
    waiting, canceled, deleted = (ask_for_training(api) for _ in range(3))
    for one in (waiting, canceled, deleted):
        (one.scratch / "state").mkdir(parents=True)
    other = waiting.scratch.with_name("not ours")
    other.mkdir()
    service = api.service
    with service.sessions.begin() as session:
        cancel(session, canceled.job_id, settings=service.settings)
        remove_training(session, deleted.id, settings=service.settings)

    sweep_scratch(context_of(api))

    there = {path.name for path in waiting.scratch.parent.iterdir()}
    assert there == {str(waiting.id), "not ours"}


def test_a_training_makes_one_version_however_often_its_end_is_written(
    api: RunningApi,
) -> None:
    asked = ask_for_training(api, base="arena-rny002")
    settings = api.service.settings
    made = find_named("arena-rny002")  # as good as any
    lineage = {"minutes": 1.0, "events": {"DRIBBLE": 3}, "stretches": {}}
    product = Product(asked.row(), made, lineage)
    other = Product(ask_for_training(api).row(), made, lineage)

    first, again = publish(product, settings), publish(product, settings)
    second = publish(other, settings)

    assert (first, again, second) == ("hall@1", "hall@1", "hall@2")
    (entry,) = [
        one
        for one in list_checkpoints(settings.data_dir / "models")
        if one.name == first
    ]
    assert entry.manifest is not None
    told = entry.manifest.provenance.lineage
    assert told is not None
    assert told["base"] == "arena-rny002"
    assert len(told["base_sha256"]) == 64
    assert told["training"] == str(asked.id)
    assert told["project"] == str(DEFAULT_PROJECT_ID)


def test_what_a_training_made_is_kept_where_its_name_was_taken_meanwhile(
    api: RunningApi,
) -> None:
    asked = ask_for_training(api, name="club", base=None)
    settings = api.service.settings
    made = find_named("arena-rny002")  # as good as any
    import_checkpoint_file(made, "club", settings.data_dir / "models")

    name = publish(Product(asked.row(), made, {}), settings)
    again = publish(Product(asked.row(), made, {}), settings)

    assert name == again == f"club-{asked.id.hex[-8:]}@1"


def test_a_disk_that_is_full_when_the_model_is_published_is_waited_for(
    api: RunningApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask_for_training(api, base=None, options=TrainingOptions(start="noise"))
    context = context_of(api)
    made = make_teaching_set(
        tmp_path / "dataset", asked.row(), context, touchline="", report=print
    )
    taught = {
        "checkpoint": str(find_named("arena-rny002")),  # as good as any
        "figures": {},
        "holdout": {},
        "warnings": {},
    }

    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    def ended(*_: object) -> JobResult:
        return result_of(asked.row(), taught, made, context.for_handlers)

    with monkeypatch.context() as patched:
        patched.setattr("worker.training.publish.publish_checkpoint", full)
        run_job(asked.job_id, context=context, handlers={JobKind.TRAIN: ended})

    job = asked.job()
    assert (job.status, job.error_code) == (JobStatus.QUEUED, "storage_full")
    assert (job.attempt, asked.row().model) == (0, None)


def test_its_comparison_is_told_to_its_workers_and_its_lacks_to_people(
    api: RunningApi, tmp_path: Path
) -> None:
    asked = ask_for_training(api, base="arena-rny002", options=TrainingOptions())
    context = context_of(api)
    made = make_teaching_set(
        tmp_path / "dataset", asked.row(), context, touchline="", report=print
    )
    taught = {
        "checkpoint": str(find_named("arena-rny002")),  # as good as any
        "figures": {},
        "holdout": {made.card["matches"][0]["name"]: [[0.0, 16.0]]},
        "warnings": {"no-cpu-form": "It could not be made."},
    }

    def ended(*_: object) -> JobResult:
        return result_of(asked.row(), taught, made, context.for_handlers)

    before = context.notifier.waiting(GPU_QUEUE) or 0
    status = run_job(asked.job_id, context=context, handlers={JobKind.TRAIN: ended})

    row = asked.row()
    assert status is JobStatus.SUCCEEDED
    assert row.comparison_id is not None
    assert context.notifier.waiting(GPU_QUEUE) == before + 1
    assert [one["code"] for one in row.warnings] == ["no-cpu-form"]


def test_a_process_that_goes_on_replaces_the_points_it_makes_again(
    api: RunningApi,
) -> None:
    asked = ask_for_training(api)
    record = TrainingRecord(api.service.sessions, asked.id)
    for begins, values in ((0, 1.0), (2, 2.0)):
        record.begin()
        for step in range(begins, begins + 4):
            record.point("loss", "head", step, {"loss": values})
        record.point("validation", "head", 0, {"mean": values})
        record.line(f"from {begins}")
        record.line("8 events", is_said_once=True)
    record.flush()
    TrainingRecord(api.service.sessions, asked.id).line("8 events", is_said_once=True)

    loss = [(one.step, one.values["loss"]) for one in asked.points() if is_loss(one)]
    assert loss == [(0, 1.0), (1, 1.0), (2, 2.0), (3, 2.0), (4, 2.0), (5, 2.0)]
    assert [one.kind for one in asked.points()].count("validation") == 1
    assert asked.log() == "from 0\n8 events\nfrom 2"


def is_loss(point: object) -> bool:
    return getattr(point, "kind", None) == "loss"


def test_it_gives_way_only_to_analyses_that_a_worker_of_this_machine_will_run(
    api: RunningApi, matches: list[UUID]
) -> None:
    sessions, settings = api.service.sessions, api.service.settings
    queue, now = Queue(sessions, settings), datetime.now(UTC)

    def beat(machine: str, *, age_s: float = 0.0, problem: str = "") -> None:
        seen_at = now - timedelta(seconds=age_s)
        info = {"machine": machine, "problem": problem}
        with sessions.begin() as session:
            row = WorkerHeartbeat(name="gpu", kind="gpu", seen_at=seen_at, info=info)
            session.merge(row)

    beat(machine_id())
    idle = queue.is_waited_for()
    job_id = new_id()
    with sessions.begin() as session:
        request(session, kind=JobKind.SPOT, video_id=matches[0], job_id=job_id)
    waited = queue.is_waited_for()
    beat("another machine")
    elsewhere = queue.is_waited_for()
    beat(machine_id(), problem="no checkpoint")
    broken = queue.is_waited_for()
    beat(machine_id(), age_s=3600)
    silent = queue.is_waited_for()
    beat(machine_id())
    with sessions.begin() as session:
        cancel(session, job_id, settings=settings)
    after = queue.is_waited_for()
    again = new_id()
    with sessions.begin() as session:
        low = request(session, kind=JobKind.SPOT, video_id=matches[0], job_id=again)
        low.priority = LOW_PRIORITY
    archive = queue.is_waited_for()
    with sessions.begin() as session:
        cancel(session, again, settings=settings)

    assert waited
    assert not any((idle, elsewhere, broken, silent, after, archive))


@pytest.mark.parametrize(
    ("machine", "is_shared"),
    [
        (Machine("cuda", cards=1, cores=64), True),
        (Machine("cuda", cards=2, cores=2), False),
        (Machine("cpu", cards=0, cores=2), True),
        (Machine("cpu", cards=0, cores=8), False),
    ],
)
def test_one_card_or_two_cores_are_too_little_for_two(
    machine: Machine, is_shared: bool
) -> None:
    assert machine.is_shared is is_shared
