"""A snapshot is put back into an empty service."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, func, inspect, select, text

from app.backups.repository import (
    Manifest,
    ObjectFacts,
    Repository,
    checksum,
    copy_whole,
)
from app.backups.rows import load_tables
from app.core.db.migrate import downgrade, upgrade
from app.core.errors import StartFailed
from app.core.storage.interface import Storage
from app.core.storage.keys import video_of
from app.keys.tables import ApiKey
from app.videos.tables import Video
from app.webhooks.tables import Webhook

TOLD_AT_MOST = 5
# Rows of these tell that a service is in use.
USED = (Video, ApiKey, Webhook)
LET_GO = (
    """
    update videos set storage_key = null, dropped_at = coalesce(dropped_at, now())
    where storage_key = any(:keys)
    """,
    # Uploaded files that were still to be joined.
    """
    update videos set parts_bytes = null, dropped_at = coalesce(dropped_at, now()),
        parts = jsonb_set(parts, array['files'], (
            select jsonb_agg(its.file || jsonb_build_object('storage_key', null)
                order by its.number)
            from jsonb_array_elements(parts -> 'files')
                with ordinality as its (file, number)
        ))
    where exists (
        select 1 from jsonb_array_elements(parts -> 'files') as its (file)
        where its.file ->> 'storage_key' = any(:keys)
    )
    """,
    "update videos set proxy_key = null where proxy_key = any(:keys)",
    """
    update videos set thumbnails = null where exists (
        select 1 from jsonb_each_text(thumbnails) as its where its.value = any(:keys)
    )
    """,
    "delete from live_segments where key = any(:keys)",
    "delete from clips where file_key = any(:keys)",
    "delete from reports where file_key = any(:keys)",
)

LineReporter = Callable[[str], None]


def restore(
    repository: Repository,
    name: str,
    url: str,
    engine: Engine,
    storage: Storage,
    data_dir: Path,
    *,
    report: LineReporter,
) -> Manifest:
    """Put a snapshot into an empty database and storage.

    Videos that were deleted after the snapshot, and that a later backup missed long
    enough ago to forget them, stay deleted. A restore that was killed can be run
    again: what is there already is not copied again.

    Args:
        name: of a whole snapshot.
        url: of the database that `engine` is of.

    Raises:
        StartFailed: the database has videos, the snapshot is damaged, or was made by a
            newer release.
        OSError: something cannot be written.
    """
    manifest = repository.manifest(name)
    problems = find_damage(repository, name)
    if problems:
        raise StartFailed(damage_text(problems))
    _refuse_used(engine)
    with repository.alone():
        _prepare_schema(engine, url, manifest.revision)
        forgotten = _forgotten(repository, manifest)
        removed = _removed(repository, manifest, forgotten)
        _put_objects(repository, manifest, forgotten, removed, storage, report)
        _put_files(repository, data_dir, report)
        load_tables(
            *(engine, manifest.tables, repository.snapshot(name) / "tables"),
            without=forgotten,
            report=report,
        )
        upgrade(url)
        _let_go(engine, removed)
    return manifest


def find_damage(repository: Repository, name: str) -> list[str]:
    """List what is wrong with a snapshot: rows by checksum, objects by their size."""
    manifest = repository.manifest(name)
    forgotten = _forgotten(repository, manifest)
    removed = _removed(repository, manifest, forgotten)
    found = []
    for table in manifest.tables:
        path = repository.snapshot(name) / "tables" / f"{table.name}.gz"
        if not path.exists():
            found.append(f"{path} is gone")
        elif checksum(path) != table.sha256:
            found.append(f"{path} was changed since the backup")
    for one in manifest.objects:
        path = repository.object_path(one.key)
        if _is_of(one, forgotten) or one.key in removed:
            continue
        if not path.exists():
            found.append(f"{path} is gone")
        elif path.stat().st_size != one.size_bytes:
            found.append(f"{path} has another size than when it was backed up")
    return found


def damage_text(problems: list[str]) -> str:
    """Say in a line or a few what is wrong with a snapshot."""
    more = len(problems) - TOLD_AT_MOST
    ending = f"; and {more} more" if more > 0 else ""
    return f"the snapshot is damaged: {'; '.join(problems[:TOLD_AT_MOST])}{ending}"


def _refuse_used(engine: Engine) -> None:
    there = [one for one in USED if inspect(engine).has_table(one.__tablename__)]
    with engine.connect() as connection:
        for row in there:
            name = row.__tablename__
            counted = select(func.count()).select_from(row)
            if count := connection.scalar(counted):
                raise StartFailed(
                    f"the database is in use (table {name}: {count} rows): restore "
                    "into an empty one, with another TOUCHLINE_DATABASE_URL or "
                    "TOUCHLINE_DATA_DIR"
                )


def _prepare_schema(engine: Engine, url: str, revision: str) -> None:
    """Make the tables as they were when the snapshot was made."""
    if inspect(engine).has_table("alembic_version"):
        with engine.connect() as connection:
            statement = text("select version_num from alembic_version")
            now = connection.scalar(statement)
        if now not in (None, revision):
            downgrade(url, "base")
    upgrade(url, revision)


def _forgotten(repository: Repository, manifest: Manifest) -> set[UUID]:
    """List the videos of a snapshot whose objects were removed for good."""
    return repository.deleted().forgotten & set(manifest.videos)


def _removed(
    repository: Repository, manifest: Manifest, forgotten: set[UUID]
) -> set[str]:
    """List the objects of other videos that were removed for good."""
    deleted = repository.deleted().objects
    return {
        one.key
        for one in manifest.objects
        if one.key in deleted
        and not _is_of(one, forgotten)
        and not repository.object_path(one.key).exists()
    }


def _let_go(engine: Engine, removed: set[str]) -> None:
    """Let no row name an object that was removed: as retention and deletion did."""
    keys = sorted(removed)
    with engine.begin() as connection:
        for statement in LET_GO:
            connection.execute(text(statement), {"keys": keys})


def _is_of(one: ObjectFacts, videos: set[UUID]) -> bool:
    try:
        return video_of(one.key) in videos
    except ValueError:
        return False


def _put_objects(
    repository: Repository,
    manifest: Manifest,
    forgotten: set[UUID],
    removed: set[str],
    storage: Storage,
    report: LineReporter,
) -> None:
    wanted = [
        one
        for one in manifest.objects
        if not _is_of(one, forgotten) and one.key not in removed
    ]
    total, done = sum(one.size_bytes for one in wanted), 0

    def tell(before: int, came: int) -> None:
        report(f"{(before + came) / 1e6:.1f} of {total / 1e6:.1f} MB")

    for one in wanted:
        if not _is_there(storage, one):
            with repository.object_path(one.key).open("rb") as file:
                storage.put_file(one.key, file, partial(tell, done))
        done += one.size_bytes
        tell(done, 0)


def _is_there(storage: Storage, wanted: ObjectFacts) -> bool:
    try:
        return storage.stat(wanted.key).size_bytes == wanted.size_bytes
    except FileNotFoundError:
        return False


def _put_files(repository: Repository, data_dir: Path, report: LineReporter) -> None:
    """Put back what lay in the data directory; what is there stays."""
    for path in [one for one in repository.files.rglob("*") if one.is_file()]:
        target = data_dir / path.relative_to(repository.files)
        if target.exists():
            report(f"{target} is there already and stays as it is")
            continue
        copy_whole(path, target)
        shutil.copymode(path, target)
