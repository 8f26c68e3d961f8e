"""A backup is all there is, and a restore gives it back."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.backups.making import Policy, make_backup
from app.backups.repository import Manifest, Repository, sync
from app.backups.restoring import find_damage, restore
from app.backups.rows import tables
from app.comparisons.service import ask_for_comparison, keep_result
from app.core.db.session import make_engine
from app.core.errors import SourceMissing, StartFailed
from app.core.storage.interface import Storage, StoredFile
from app.core.storage.keys import (
    fetched_key,
    joined_part_key,
    part_key,
    saved_run_key,
    source_key,
)
from app.core.storage.local import LocalStorage
from app.retention.service import drop_footage
from app.sources.joining import JoinResult, PlacedPart, keys_of, save_joined
from app.trainings.options import TrainingOptions
from app.trainings.service import Point, add_line, add_points, add_training, finish
from app.videos.cleanup import clean_up
from app.videos.tables import Video
from model.checkpoint import library
from model.checkpoint.library import find_named
from model.checkpoint.publish import publish_checkpoint
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline

NOW = datetime(2026, 5, 17, 18, 30, tzinfo=UTC)
OPTIONS = SpottingOptions(dict.fromkeys(("PASS", "DRIVE"), LabelOptions(0.3, 0.25)))
SOURCE = b"the bytes of a video"


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A match with an analysis, a correction and a thing under way."""
    body = api.client.post("/videos", files={"file": SOURCE}).json()
    video_id = UUID(body["id"])
    its = Uploaded(video_id, UUID(body["job"]["id"]), api.service.sessions)
    storage = api.service.storage
    analyse(its, draw_timeline(1), OPTIONS, storage=storage)
    events = api.client.get(f"/videos/{video_id}/events").json()["items"]
    path = f"/videos/{video_id}/events/{events[0]['id']}"
    note = {"attributes": {"note": "tab\tline\nback\\slash and a ü"}}
    assert api.client.patch(path, json=note).status_code == 200
    storage.put(part_key(video_id), b"what is on its way")
    return video_id


@pytest.fixture
def engine(api: RunningApi) -> Iterator[Engine]:
    made = make_engine(str(api.service.settings.database_url))
    yield made
    made.dispose()


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    made = make_engine(empty_database_url)
    yield made
    made.dispose()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "backups")


def test_a_restore_gives_back_all_rows_and_objects(
    api: RunningApi,
    video: UUID,
    repository: Repository,
    engine: Engine,
    empty: Engine,
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    made = _back_up(api, repository, engine)
    other = tmp_path / "other"

    done = _restore(repository, empty_database_url, empty, other)

    assert done == made
    rows = _rows(engine)
    assert _rows(empty) == rows
    assert len(rows["annotations"]) == 1
    assert len(rows["events"]) > 1
    assert _objects(LocalStorage(other)) == {
        key: data
        for key, data in _objects(api.service.storage).items()
        if key != part_key(video)
    }
    assert _foreign_keys(empty) == _foreign_keys(engine) != set()


@pytest.mark.costly
def test_trainings_comparisons_and_models_are_given_back(
    api: RunningApi,
    video: UUID,
    repository: Repository,
    engine: Engine,
    empty: Engine,
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    folder = api.data_dir / "models"
    for _ in range(2):
        publish_checkpoint(find_named("arena-rny002"), "hall", folder)
    library.set_default("hall@2", user_dir=folder)
    library.archive("hall@1", user_dir=folder)
    with api.service.sessions.begin() as session:
        options = TrainingOptions()
        training, _ = add_training(session, name="hall", base=None, options=options)
        add_points(session, training.id, [Point("loss", "head", 1, {"loss": 0.5})])
        add_line(session, training.id, "12 events")
        finish(session, training.id, model="hall@2", figures={"mean_ap": 0.5})
        asked = ask_for_comparison(
            session,
            project_id=training.project_id,
            models=["hall@2", "hall@1"],
            holdout={video: [(0.0, 4.0)]},
            training_id=training.id,
        )
        moment = {
            **{"video_id": video, "time_ms": 1000, "frame": 25, "label": "PASS"},
            **{"is_event": True, "by_model": {}},
        }
        keep_result(session, asked.id, {"verdict": "better"}, [moment])
    _back_up(api, repository, engine)
    library.restore("hall@1", user_dir=folder)
    (folder / ".import.half").write_bytes(b"a model that is on its way")
    _back_up(api, repository, engine, now=NOW + timedelta(days=1))

    _restore(repository, empty_database_url, empty, tmp_path / "other")

    rows = _rows(empty)
    assert rows == _rows(engine)
    of_them = ("trainings", "training_points", "training_lines", "comparisons")
    assert {len(rows[name]) for name in (*of_them, "comparison_moments")} == {1}
    back = tmp_path / "other" / "models"
    entries = {one.name: one for one in library.list_checkpoints(back)}
    assert entries["hall@2"].is_default
    assert not entries["hall@1"].is_archived
    assert entries["hall@1"].problem == ""
    assert not (back / ".import.half").exists()


def test_a_model_that_is_put_in_place_while_its_folder_is_listed_is_no_trouble(
    api: RunningApi,
    repository: Repository,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = api.data_dir / "models" / ".publish.half"
    scratch.mkdir(parents=True)
    scandir = os.scandir

    def late(path: Any = ".") -> Any:
        if Path(path) == scratch:
            scratch.rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", late)

    _back_up(api, repository, engine)

    assert not scratch.exists()


def test_what_is_backed_up_already_is_not_copied_again(
    api: RunningApi, video: UUID, repository: Repository, engine: Engine
) -> None:
    _back_up(api, repository, engine)
    before = {path: path.stat().st_ino for path in repository.objects.rglob("*")}

    _back_up(api, repository, engine, now=NOW + timedelta(days=1))

    after = {path: path.stat().st_ino for path in repository.objects.rglob("*")}
    assert after == before
    assert len(repository.snapshots) == 2


@pytest.mark.costly
def test_a_video_that_was_deleted_goes_from_earlier_snapshots_too(
    api: RunningApi,
    video: UUID,
    repository: Repository,
    engine: Engine,
    empty: Engine,
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    _back_up(api, repository, engine)
    kept = api.client.post("/videos", files={"file": b"another"}).json()["id"]
    assert api.client.delete(f"/videos/{video}").status_code == 204
    source = repository.object_path(source_key(video))

    _back_up(api, repository, engine, now=NOW + timedelta(days=1))
    assert source.exists()  # it may have been deleted by mistake
    _back_up(api, repository, engine, now=NOW + timedelta(days=31))

    assert not source.exists()
    first, *_ = repository.snapshots
    assert find_damage(repository, first) == []
    _restore(repository, empty_database_url, empty, tmp_path / "a", name=first)
    assert _rows(empty)["videos"] == []
    assert repository.object_path(source_key(UUID(kept))).exists()


@pytest.mark.costly
def test_footage_that_was_dropped_goes_from_earlier_snapshots_too(
    api: RunningApi,
    video: UUID,
    repository: Repository,
    engine: Engine,
    empty: Engine,
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    _back_up(api, repository, engine)
    with api.service.sessions.begin() as session:
        drop_footage(session, session.get_one(Video, video))
    clean_up(sessions=api.service.sessions, storage=api.service.storage)
    source = repository.object_path(source_key(video))

    _back_up(api, repository, engine, now=NOW + timedelta(days=1))
    assert source.exists()
    _back_up(api, repository, engine, now=NOW + timedelta(days=31))

    assert not source.exists()
    first, *_ = repository.snapshots
    assert find_damage(repository, first) == []
    other = tmp_path / "other"
    _restore(repository, empty_database_url, empty, other, name=first)
    with empty.connect() as connection:
        statement = text("select storage_key, dropped_at is null from videos")
        assert connection.execute(statement).one() == (None, False)
    assert len(_rows(empty)["events"]) > 1
    assert {key.split("/")[2] for key in _objects(LocalStorage(other))} == {"scores"}


@pytest.mark.costly
def test_uploaded_parts_that_were_joined_go_from_earlier_snapshots_too(
    api: RunningApi,
    repository: Repository,
    engine: Engine,
    empty: Engine,
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    files = [("file", ("1.mp4", b"one half")), ("file", ("2.mp4", b"the other"))]
    body = api.client.post("/videos", files=files, data={"model": "none"}).json()
    video_id = UUID(body["id"])
    _back_up(api, repository, engine)
    parts = [repository.object_path(joined_part_key(video_id, n)) for n in (1, 2)]
    assert [part.exists() for part in parts] == [True, True]
    storage, key = api.service.storage, fetched_key(video_id, uuid4())
    storage.put(key, b"both")
    made = JoinResult("copied", None, {}, [PlacedPart(0, 1, 0), PlacedPart(1, 2, 1)])
    with api.service.sessions.begin() as session:
        stored = StoredFile(key, 4, "0" * 64)
        save_joined(session, video_id, stored, made, keep_originals=True)
    clean_up(sessions=api.service.sessions, storage=storage)

    _back_up(api, repository, engine, now=NOW + timedelta(days=1))
    assert [part.exists() for part in parts] == [True, True]
    _back_up(api, repository, engine, now=NOW + timedelta(days=31))

    assert [part.exists() for part in parts] == [False, False]
    assert repository.object_path(key).exists()
    first, *_ = repository.snapshots
    assert find_damage(repository, first) == []
    _restore(repository, empty_database_url, empty, tmp_path / "other", name=first)
    with Session(empty) as session:  # They are gone there as footage is.
        restored = session.get_one(Video, video_id)
        assert restored.dropped_at is not None
        assert restored.parts_bytes is None
        assert restored.parts is not None
        kept = [
            (one["filename"], one["storage_key"]) for one in restored.parts["files"]
        ]
        assert kept == [("1.mp4", None), ("2.mp4", None)]
        with pytest.raises(SourceMissing, match=r"part 1 \(1.mp4\) is gone"):
            keys_of(session, restored)


def test_what_runs_meanwhile_is_no_fault_of_a_backup(
    api: RunningApi, video: UUID, repository: Repository, engine: Engine
) -> None:
    storage = api.service.storage
    run = saved_run_key(video, uuid4(), uuid4(), 1)
    storage.put(run, b"half an analysis")

    made = _back_up(api, repository, engine)

    assert made.missing == []
    assert run not in {one.key for one in made.objects}


def test_what_a_killed_backup_left_goes_with_the_next_one(
    api: RunningApi, video: UUID, repository: Repository, engine: Engine
) -> None:
    _back_up(api, repository, engine)
    left = repository.snapshot(".partial-2026-05-16T18-30-00.000000Z") / "tables"
    left.mkdir(parents=True)
    (left / "events.gz").write_bytes(b"half of it")

    _back_up(api, repository, engine, now=NOW + timedelta(days=1))

    assert not left.parent.exists()
    assert len(repository.snapshots) == 2


def test_all_of_a_snapshot_is_safe_on_disk_before_it_counts(
    api: RunningApi,
    video: UUID,
    repository: Repository,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synced: list[Path] = []

    def note(path: Path) -> None:
        synced.append(path)
        sync(path)

    monkeypatch.setattr("app.backups.repository.sync", note)
    _back_up(api, repository, engine)

    (name,) = repository.snapshots
    made = {one.name for one in repository.snapshot(name).rglob("*") if one.is_file()}
    assert {"manifest.json", "events.gz"} <= made <= {one.name for one in synced}


def test_a_snapshot_that_cannot_be_read_is_told_with_what_to_do(
    api: RunningApi, video: UUID, repository: Repository, engine: Engine
) -> None:
    _back_up(api, repository, engine)
    first = repository.snapshot(repository.find(None))
    (first / "manifest.json").write_bytes(b"")

    with pytest.raises(StartFailed) as caught:
        _back_up(api, repository, engine, now=NOW + timedelta(days=1))
    shutil.rmtree(first)
    _back_up(api, repository, engine, now=NOW + timedelta(days=2))

    assert str(caught.value).endswith("lost, remove its folder")
    assert "\n" not in str(caught.value)
    assert len(repository.snapshots) == 2
    assert repository.object_path(source_key(video)).exists()


def test_only_the_newest_snapshots_are_kept_if_asked(
    api: RunningApi, video: UUID, repository: Repository, engine: Engine
) -> None:
    for day in range(4):
        now = NOW + timedelta(days=day)
        _back_up(api, repository, engine, now=now, policy=Policy(snapshots=2))

    names = repository.snapshots
    assert [name[:10] for name in names] == ["2026-05-19", "2026-05-20"]
    assert repository.find("2026-05-19") == names[0]
    assert repository.find(None) == names[1]


def test_a_damaged_snapshot_is_not_restored(
    api: RunningApi,
    video: UUID,
    repository: Repository,
    engine: Engine,
    empty: Engine,
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    _back_up(api, repository, engine)
    name = repository.find(None)
    rows = repository.snapshot(name) / "tables" / "events.gz"
    rows.write_bytes(rows.read_bytes()[:-1])
    repository.object_path(source_key(video)).unlink()

    with pytest.raises(StartFailed, match=r"events\.gz was changed.* is gone"):
        _restore(repository, empty_database_url, empty, tmp_path / "other")

    assert not (tmp_path / "other").exists()


def test_nothing_is_restored_over_videos(
    api: RunningApi, video: UUID, repository: Repository, engine: Engine
) -> None:
    _back_up(api, repository, engine)
    url = str(api.service.settings.database_url)

    with pytest.raises(StartFailed, match="the database is in use"):
        _restore(repository, url, engine, api.data_dir)


def test_a_folder_with_other_files_is_left_alone(
    api: RunningApi, repository: Repository, engine: Engine
) -> None:
    repository.folder.mkdir()
    (repository.folder / "holiday.jpg").touch()

    with pytest.raises(StartFailed, match="holds other files"):
        _back_up(api, repository, engine)

    assert [one.name for one in repository.folder.iterdir()] == ["holiday.jpg"]


def test_a_backup_that_fails_leaves_the_earlier_ones(
    api: RunningApi,
    video: UUID,
    repository: Repository,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _back_up(api, repository, engine)

    def fill_up(*_: object) -> None:
        raise OSError(28, "No space left on device")

    api.client.post("/videos", files={"file": b"another"})
    monkeypatch.setattr(LocalStorage, "save", fill_up)
    with pytest.raises(OSError, match="No space"):
        _back_up(api, repository, engine, now=NOW + timedelta(days=1))

    assert len(repository.snapshots) == 1
    assert find_damage(repository, repository.find(None)) == []
    left = [one.name for one in repository.folder.rglob("*partial*")]
    assert left == []


def test_one_backup_at_a_time(
    api: RunningApi, video: UUID, repository: Repository, engine: Engine
) -> None:
    repository.prepare()
    with (
        repository.alone(),
        pytest.raises(StartFailed, match="another backup or restore"),
    ):
        _back_up(api, repository, engine)


def _back_up(
    api: RunningApi,
    repository: Repository,
    engine: Engine,
    *,
    now: datetime = NOW,
    policy: Policy = Policy(),  # noqa: B008  # it is frozen
) -> Manifest:
    return make_backup(
        *(repository, engine, api.service.storage, api.data_dir),
        now=now,
        policy=policy,
        report=lambda _: None,
    )


def _restore(
    repository: Repository,
    url: str,
    engine: Engine,
    data_dir: Path,
    *,
    name: str | None = None,
) -> Manifest:
    return restore(
        *(repository, repository.find(name), url, engine),
        *(LocalStorage(data_dir), data_dir),
        report=lambda _: None,
    )


def _rows(engine: Engine) -> dict[str, list[Any]]:
    """Read all rows of all tables, in an order of their own."""
    found = {}
    with engine.connect() as connection:
        for table in tables():
            rows = connection.execute(text(f"select * from {table.name}")).mappings()
            told = [json.dumps(dict(row), default=str, sort_keys=True) for row in rows]
            found[table.name] = sorted(told)
    return found


def _foreign_keys(engine: Engine) -> set[tuple[str, str]]:
    statement = (
        "select conname, pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'f'"
    )
    with engine.connect() as connection:
        return {(row[0], row[1]) for row in connection.execute(text(statement))}


def _objects(storage: Storage) -> dict[str, bytes]:
    return {one.key: storage.get(one.key) for one in storage.list("videos")}
