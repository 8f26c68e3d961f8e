"""A backup is made while the service runs; what it holds fits together.

The rows are those of one moment. Objects do not change once they are there, so they are
copied afterwards; what was deleted in between belonged to a video that is gone, which a
restore then leaves out, or was replaced, and then the rows are read again.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from uuid import UUID

import psycopg
from sqlalchemy import Engine, text

from app.backups.repository import (
    Deleted,
    Manifest,
    ObjectFacts,
    Repository,
    appearing_whole,
    copy_whole,
)
from app.backups.rows import dump_tables
from app.core.errors import StartFailed
from app.core.storage.interface import ObjectInfo, Storage
from app.core.storage.keys import (
    CLIPS_FOLDER,
    FOLDERS,
    is_saved_run_key,
    part_facts_key,
    part_key,
    video_of,
)
from app.retention.service import FOOTAGE
from app.webhooks.signing import SECRET_FILE
from model.checkpoint.versions import ARCHIVED

ROUNDS = 3  # how often the rows are read again as objects were replaced
RENDERED = frozenset({"clips", "reports"})  # made anew on demand
FILES = (SECRET_FILE, "models")
MARKS = f"models/{ARCHIVED}"

LineReporter = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Policy:
    """How long backups are kept.

    Attributes:
        snapshots: how many; None: all.
        forget_deleted_after: a video that was deleted is taken out of all snapshots
            that long after a backup first missed it.
    """

    snapshots: int | None = None
    forget_deleted_after: timedelta = timedelta(days=30)


def make_backup(
    repository: Repository,
    engine: Engine,
    storage: Storage,
    data_dir: Path,
    *,
    now: datetime,
    policy: Policy,
    report: LineReporter,
) -> Manifest:
    """Add a snapshot to a folder of backups.

    Raises:
        StartFailed: the database has no tables, or the folder is not ours.
        OSError: the folder cannot be written, or is full; earlier snapshots stay.
    """
    repository.prepare()
    with repository.alone():
        with repository.new_snapshot(now) as folder:
            manifest = _consistent(repository, engine, storage, folder, now, report)
            text = manifest.model_dump_json(indent=1)
            (folder / "manifest.json").write_text(text)
        _copy_files(data_dir, repository)
        if policy.snapshots is not None:
            repository.forget_snapshots(policy.snapshots)
        _forget_deleted(repository, manifest, now, policy.forget_deleted_after, report)
    return manifest


def _consistent(
    repository: Repository,
    engine: Engine,
    storage: Storage,
    folder: Path,
    now: datetime,
    report: LineReporter,
) -> Manifest:
    """Read rows and copy objects until they fit together."""
    for _ in range(ROUNDS):
        before = {one.key for one in _objects(storage)}
        manifest = _read_rows(engine, folder, now)
        listed = _objects(storage)
        copied, gone = _copy_objects(repository, storage, listed, report)
        gone |= before - {one.key for one in listed}
        manifest.objects = copied
        manifest.missing = sorted(key for key in gone if _is_needed(engine, key))
        if not manifest.missing:
            return manifest
        report(f"{len(manifest.missing)} objects were replaced meanwhile; once more")
    return manifest


def _read_rows(engine: Engine, folder: Path, now: datetime) -> Manifest:
    with closing(engine.raw_connection()) as raw:
        connection = raw.driver_connection
        if not isinstance(connection, psycopg.Connection):
            raise TypeError("another driver than psycopg")
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            cursor.execute("set local statement_timeout = 0")
            try:
                cursor.execute("select version_num from alembic_version")
            except psycopg.errors.UndefinedTable:
                raise StartFailed(
                    "the database has no tables: there is nothing to back up"
                ) from None
            row = cursor.fetchone()
            videos = cursor.execute("select id from videos").fetchall()
            tables = dump_tables(connection, folder / "tables")
        connection.rollback()
    return Manifest(
        release=version("touchline"),
        revision=str(row[0]) if row else "",
        made_at=now,
        tables=tables,
        objects=[],
        videos=sorted(one[0] for one in videos),
    )


def _objects(storage: Storage) -> list[ObjectInfo]:
    """List the objects that do not change any more."""
    found = (one for prefix in FOLDERS for one in storage.list(prefix))
    return [one for one in found if not _is_passing(one.key)]


def _is_passing(key: str) -> bool:
    """Whether an object is there only while something is under way."""
    video_id = _video_of(key)
    if video_id is None or is_saved_run_key(key):
        return True
    return key in (part_key(video_id), part_facts_key(video_id))


def _part_of(key: str) -> str:
    """Tell what an object is of: `source`, `scores`, `clips`, ..."""
    parts = PurePosixPath(key).parts
    return CLIPS_FOLDER if parts[0] == CLIPS_FOLDER else parts[2]


def _video_of(key: str) -> UUID | None:
    with suppress(ValueError):
        return video_of(key)
    return None


def _copy_objects(
    repository: Repository,
    storage: Storage,
    listed: Sequence[ObjectInfo],
    report: LineReporter,
) -> tuple[list[ObjectFacts], set[str]]:
    """Copy the objects that are not there yet; tell which there are, and were."""
    new = [one for one in listed if not _has(repository, one)]
    total = sum(one.size_bytes for one in new)
    report(f"{len(new)} of {len(listed)} objects are new, {total / 1e6:.1f} MB")
    done, gone = 0, set[str]()

    def tell(before: int, came: int) -> None:
        report(f"{(before + came) / 1e6:.1f} of {total / 1e6:.1f} MB")

    for one in new:
        try:
            with appearing_whole(repository.object_path(one.key)) as file:
                storage.save(one.key, file, partial(tell, done))
        except FileNotFoundError:
            gone.add(one.key)
        done += one.size_bytes
        tell(done, 0)
    there = [one for one in listed if one.key not in gone]
    facts = [ObjectFacts(key=one.key, size_bytes=one.size_bytes) for one in there]
    return facts, gone


def _has(repository: Repository, wanted: ObjectInfo) -> bool:
    try:
        found = repository.object_path(wanted.key).stat()
    except FileNotFoundError:
        return False
    return found.st_size == wanted.size_bytes


def _is_needed(engine: Engine, key: str) -> bool:
    """Whether an object that is gone was replaced: its video is there, whole."""
    video_id = _video_of(key)
    if video_id is None or _part_of(key) in RENDERED:
        return False
    with engine.connect() as connection:
        statement = text("select 1 from videos where id = :id and dropped_at is null")
        return connection.scalar(statement, {"id": video_id}) is not None


def _copy_files(data_dir: Path, repository: Repository) -> None:
    """Copy what belongs to the service and lies in its data directory beside it."""
    for name in FILES:
        for path in _files_in(data_dir / name):
            relative = path.relative_to(data_dir)
            if any(part.startswith(".") for part in relative.parts[1:]):
                continue  # A model that is on its way.
            with suppress(FileNotFoundError):  # It was removed meanwhile.
                copy_whole(path, repository.files / relative)
                (repository.files / relative).chmod(0o600)
    for mark in (repository.files / MARKS).glob("*"):
        if not (data_dir / MARKS / mark.name).exists():
            mark.unlink()  # The model was taken back from the archive.


def _files_in(source: Path) -> list[Path]:
    """List a file, or those in a folder, some of which may be removed meanwhile."""
    walked = os.walk(source)
    found = [Path(base, name) for base, _, names in walked for name in names]
    return [one for one in (source, *sorted(found)) if one.is_file()]


def _forget_deleted(
    repository: Repository,
    newest: Manifest,
    now: datetime,
    after: timedelta,
    report: LineReporter,
) -> None:
    """Take out of earlier snapshots what was deleted long enough ago.

    That is all objects of videos that were deleted, and those of others that showed
    them and are gone: dropped footage, deleted clips and reports.
    """
    manifests = [repository.manifest(name) for name in repository.snapshots]
    before = repository.deleted()
    gone = {video for one in manifests for video in one.videos} - set(newest.videos)
    wanted = {one.key for manifest in manifests for one in manifest.objects}
    lost = wanted - {one.key for one in newest.objects}
    pictures = {key for key in lost if _part_of(key) in FOOTAGE}
    deleted = Deleted(
        noticed_at={one: before.noticed_at.get(one, now) for one in sorted(gone)},
        objects={key: before.objects.get(key, now) for key in sorted(pictures)},
    )
    deleted.forgotten = {
        one for one, at in deleted.noticed_at.items() if at + after <= now
    }
    repository.write_deleted(deleted)
    keys = {key for key, at in deleted.objects.items() if at + after <= now}
    removed = repository.remove_objects(
        lambda key: (
            key in wanted
            and key not in keys
            and _video_of(key) not in deleted.forgotten
        )
    )
    if removed:
        report(f"{removed} objects are removed that no snapshot needs or may have")
