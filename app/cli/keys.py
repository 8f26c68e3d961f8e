"""`touchline keys`: hand out keys, list and revoke them; the secret of webhooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

keys = typer.Typer(
    help="Hand out keys of the API, list and revoke them.", no_args_is_help=True
)
projects = typer.Typer(
    help="Projects: a key sees the videos of its own alone.", no_args_is_help=True
)

MAX_DAYS = 3650
NO_QUOTA = "none"


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="Whose it is, for people.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="read (the default), review, write or admin; may be given several "
            "times."
        ),
    ] = None,
    expires: Annotated[
        int | None, typer.Option(help="Days until it expires.", min=1, max=MAX_DAYS)
    ] = None,
    rate: Annotated[
        int | None, typer.Option(help="Most requests in a minute.", min=1)
    ] = None,
    project: Annotated[str, typer.Option(help="The project it sees.")] = "default",
) -> None:
    """Make a key and print it; it is shown this once."""
    from app.core.db.base import utc_now
    from app.core.errors import StartFailed
    from app.core.principal import ALL_SCOPES
    from app.keys.service import create_key
    from app.projects.service import find_project

    wanted = set(scope or ["read"])
    if unknown := wanted - ALL_SCOPES:
        raise StartFailed(
            f"no scope is called {', '.join(sorted(unknown))}: "
            f"there are {', '.join(sorted(ALL_SCOPES))}"
        )
    now = utc_now()
    with _session() as session:
        made = create_key(
            session,
            name=name,
            scopes=[one for one in ALL_SCOPES if one in wanted],
            project_id=find_project(session, project).id,
            now=now,
            expires_at=None if expires is None else now + timedelta(days=expires),
            rate_per_minute=rate,
        )
        text, key_id = made.text, made.row.id
    typer.echo(text)
    typer.echo(f"Key {key_id} ({name}): keep it now, it is not shown again.", err=True)


@keys.command(name="list")
def list_keys() -> None:
    """List the keys of all projects."""
    from sqlalchemy import select

    from app.keys.tables import ApiKey
    from app.projects.tables import Project

    columns = ("id", "name", "project", "scopes", "expires", "last used", "state")
    with _session() as session:
        found = session.execute(
            select(ApiKey, Project.name)
            .join(Project, Project.id == ApiKey.project_id)
            .order_by(ApiKey.created_at)
        ).all()
    typer.echo("\t".join(columns))
    for key, project in found:
        moments = (key.expires_at, key.last_used_at)
        told = (f"{one:%Y-%m-%d %H:%M}" if one else "never" for one in moments)
        state = "revoked" if key.revoked_at else "valid"
        cells = (key.id, key.name, project, ",".join(key.scopes), *told, state)
        typer.echo("\t".join(cells))


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Revoke a key at once."""
    from app.core.errors import StartFailed
    from app.keys import queries

    with _session() as session:
        if session.execute(queries.revoke(key_id)).one_or_none() is None:
            raise StartFailed(f"no key is called {key_id!r}: see `touchline keys list`")
    typer.echo(f"Key {key_id} is revoked.", err=True)


@keys.command()
def webhook() -> None:
    """Print the secret that signs webhooks; it is made if there is none yet."""
    from app.core.settings import Settings
    from app.webhooks.signing import webhook_secret

    typer.echo(webhook_secret(Settings()))


@projects.command(name="create")
def create_project(
    name: Annotated[str, typer.Argument(help="A name that no project has yet.")],
) -> None:
    """Make a project."""
    from app.core.db.base import utc_now
    from app.projects.service import add_project

    with _session() as session:
        add_project(session, name, now=utc_now())
    typer.echo(f"Project {name!r} is made.", err=True)


@projects.command(name="limit")
def limit_project(
    name: Annotated[str, typer.Argument(help="A project's name.")],
    stored: Annotated[
        str | None,
        typer.Option(
            help="What the files of its videos may take: 500GB; none: no quota."
        ),
    ] = None,
    queued_hours: Annotated[
        str | None,
        typer.Option(
            help="Hours of video that may wait for analysis: 40; none: no quota."
        ),
    ] = None,
) -> None:
    """Set quotas of a project, or show them with what is used of each."""
    from app.projects.quotas import quotas_of, size_text, use_of
    from app.projects.service import find_project
    from app.projects.service import limit_project as limit

    with _session() as session:
        project = find_project(session, name)
        limit(
            project,
            stored_bytes=project.max_stored_bytes
            if stored is None
            else _read_size(stored),
            queued_hours=project.max_queued_hours
            if queued_hours is None
            else _read_hours(queued_hours),
        )
        session.flush()
        quotas, use = quotas_of(session, project.id), use_of(session, project.id)
    may_store, may_queue = quotas.stored_bytes, quotas.queued_hours
    of_storage = "no quota" if may_store is None else f"of {size_text(may_store)}"
    of_queue = "no quota" if may_queue is None else f"of {may_queue:g} h"
    typer.echo(f"stored\t{size_text(use.stored_bytes)}\t{of_storage}")
    typer.echo(f"queued\t{use.queued_hours:.1f} h\t{of_queue}")


def _read_size(text: str) -> int | None:
    from pydantic import ByteSize, TypeAdapter, ValidationError

    from app.core.errors import StartFailed

    if text.strip().lower() == NO_QUOTA:
        return None
    try:
        return int(TypeAdapter(ByteSize).validate_python(text.strip()))
    except ValidationError as exc:
        raise StartFailed(
            f"{text!r} is no size: write it as 500GB, 2TiB or {NO_QUOTA}"
        ) from exc


def _read_hours(text: str) -> float | None:
    from app.core.errors import StartFailed

    if text.strip().lower() == NO_QUOTA:
        return None
    try:
        return float(text)
    except ValueError as exc:
        raise StartFailed(
            f"{text!r} is not a number of hours: write it as 40 or {NO_QUOTA}"
        ) from exc


@projects.command(name="list")
def list_projects() -> None:
    """List the projects."""
    from sqlalchemy import select

    from app.projects.tables import Project

    with _session() as session:
        names = session.scalars(select(Project.name).order_by(Project.name)).all()
    for name in names:
        typer.echo(name)


@projects.command()
def retention(
    name: Annotated[str, typer.Argument(help="The project.")],
    file_days: Annotated[
        int | None,
        typer.Option(help="Days after which a video's file goes; its events stay."),
    ] = None,
    video_days: Annotated[
        int | None, typer.Option(help="Days after which all of a video goes.")
    ] = None,
    stored: Annotated[
        str | None,
        typer.Option(help="Room for files, such as 500GB; beyond it the oldest go."),
    ] = None,
    for_ever: Annotated[
        bool, typer.Option("--for-ever", help="Keep all: no rules any more.")
    ] = False,
) -> None:
    """Show how long a project keeps videos and files; with options, set all rules."""
    from pydantic import ByteSize, TypeAdapter, ValidationError

    from app.core.errors import StartFailed
    from app.projects.service import find_project
    from app.retention.schemas import Retention
    from app.retention.service import rules_of, set_rules

    wanted = {"file_days": file_days, "video_days": video_days, "stored_bytes": stored}
    is_said = any(value is not None for value in wanted.values())
    if is_said and for_ever:
        raise StartFailed("--for-ever goes with no other option")
    try:
        if stored is not None:
            wanted["stored_bytes"] = TypeAdapter(ByteSize).validate_python(stored)
        rules = Retention.model_validate(wanted).to_rules()
    except ValidationError as exc:
        error = exc.errors()[0]
        place = ".".join(map(str, error["loc"])) or "--stored"
        raise StartFailed(f"{place}: {error['msg']}") from exc
    with _session() as session:
        project = find_project(session, name)
        if is_said or for_ever:
            set_rules(session, project.id, rules, author="local")
        kept = rules_of(session, project.id)
    for field, value in Retention.of(kept).model_dump().items():
        typer.echo(f"{field}\t{'for ever' if value is None else value}")


@contextmanager
def _session() -> "Iterator[Session]":
    """Open a transaction on the service's database."""
    from sqlalchemy.orm import Session

    from app.core.db.locate import find_database_url
    from app.core.db.session import make_engine
    from app.core.settings import Settings

    engine = make_engine(find_database_url(Settings()), pool_size=1)
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    finally:
        engine.dispose()
