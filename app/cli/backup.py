"""`touchline backup` and `touchline restore`: all rows and objects, out and back in."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.backups.repository import Repository
    from app.core.settings import Settings

SAY_EVERY_S = 1.0
# A copy of a big table gives nothing back for a while; it must end at some time.
ANSWER_WITHIN_S = 3600.0

Folder = Annotated[Path, typer.Argument(help="The folder of backups.")]


def backup(
    folder: Folder,
    keep: Annotated[
        int | None,
        typer.Option(help="Keep that many snapshots; left out: all.", min=1),
    ] = None,
    forget_deleted_after: Annotated[
        int,
        typer.Option(
            help="Days after which a deleted video goes from earlier snapshots, too.",
            min=0,
        ),
    ] = 30,
) -> None:
    """Back up the database and the storage, also while the service runs.

    What an earlier backup in the folder holds already is not copied again.
    """
    from app.backups.making import Policy, make_backup
    from app.backups.repository import Repository
    from app.core.db.base import utc_now
    from app.core.db.locate import find_database_url
    from app.core.settings import Settings
    from app.core.storage.opening import open_plain_storage

    settings = Settings()
    with _engine(find_database_url(settings)) as engine:
        made = make_backup(
            *(Repository(folder), engine, open_plain_storage(settings)),
            settings.data_dir,
            now=utc_now(),
            policy=Policy(keep, timedelta(days=forget_deleted_after)),
            report=_now_and_then(),
        )
    size = sum(one.size_bytes for one in made.objects)
    typer.echo(
        f"Backed up {len(made.videos)} videos, {sum(one.rows for one in made.tables)} "
        f"rows and {len(made.objects)} objects ({size / 1e6:.1f} MB) to {folder}."
    )
    if made.missing:
        typer.echo(
            f"warning: {len(made.missing)} objects were replaced while the backup ran "
            "and are not in it; run it again",
            err=True,
        )
        raise typer.Exit(1)


def restore(
    folder: Folder,
    snapshot: Annotated[
        str | None,
        typer.Option(help="Which one, or how its name begins; left out: the newest."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--list", help="List the snapshots and do nothing.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Look for damage and do nothing.")
    ] = False,
) -> None:
    """Put a backup into an empty database and data directory.

    Without TOUCHLINE_DATABASE_URL that is the embedded database, which is started for
    it. The service must not run meanwhile.
    """
    from app.backups.repository import Repository
    from app.backups.restoring import damage_text, find_damage
    from app.backups.restoring import restore as restore_snapshot
    from app.core.errors import StartFailed
    from app.core.settings import Settings
    from app.core.storage.opening import open_plain_storage

    repository = Repository(folder)
    repository.check()
    if show:
        _list(repository)
        return
    name = repository.find(snapshot)
    if check:
        if problems := find_damage(repository, name):
            raise StartFailed(damage_text(problems))
        typer.echo(f"{name} is whole.")
        return
    settings = Settings()
    with _empty_service(settings) as url, _engine(url) as engine:
        done = restore_snapshot(
            *(repository, name, url, engine),
            *(open_plain_storage(settings), settings.data_dir),
            report=_now_and_then(),
        )
    typer.echo(f"Restored {len(done.videos)} videos of {name}.")


def _list(repository: "Repository") -> None:
    typer.echo("snapshot\tvideos\tobjects\tMB")
    for name in repository.snapshots:
        found = repository.manifest(name)
        size = sum(one.size_bytes for one in found.objects) / 1e6
        cells = (name, len(found.videos), len(found.objects), f"{size:.1f}")
        typer.echo("\t".join(map(str, cells)))


@contextmanager
def _empty_service(settings: "Settings") -> Iterator[str]:
    """Give the database to restore into; the embedded one is started and stopped."""
    from app.supervisor.embedded_postgres import start_postgres
    from app.supervisor.preflight import exclusive_data_dir

    with ExitStack() as stack:
        stack.enter_context(exclusive_data_dir(settings.data_dir))
        if settings.database_url is not None:
            yield settings.database_url
            return
        server = start_postgres(
            settings.data_dir, log_path=settings.data_dir / "logs" / "postgres.log"
        )
        stack.callback(server.stop)
        yield server.url


@contextmanager
def _engine(url: str) -> "Iterator[Engine]":
    from app.core.db.session import make_engine

    engine = make_engine(url, pool_size=2, answer_within_s=ANSWER_WITHIN_S)
    try:
        yield engine
    finally:
        engine.dispose()


def _now_and_then() -> Callable[[str], None]:
    """Tell what goes on, on stderr, but not too often."""
    last = 0.0

    def report(words: str) -> None:
        nonlocal last
        if time.monotonic() - last >= SAY_EVERY_S:
            last = time.monotonic()
            typer.echo(words, err=True)

    return report
