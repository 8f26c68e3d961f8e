"""Statements about the heartbeats of workers, built without a session."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import (
    Delete,
    Select,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.dml import Insert

from app.health.tables import WorkerBeat


def living_workers(kind: str, *, within: timedelta) -> Select[WorkerBeat]:
    """The workers of a kind that beat lately, by the database's clock."""
    return (
        select(WorkerBeat)
        .where(WorkerBeat.kind == kind, WorkerBeat.seen_at > func.now() - within)
        .order_by(WorkerBeat.name)
    )


def save_beat(*, name: str, kind: str, info: Mapping[str, object]) -> Insert:
    """Say that a worker process lives."""
    row = {"kind": kind, "seen_at": func.now(), "info": dict(info)}
    return (
        insert(WorkerBeat)
        .values(name=name, **row)
        .on_conflict_do_update(index_elements=[WorkerBeat.name], set_=row)
    )


def drop_beats(*, names: Sequence[str] = (), older_than: timedelta) -> Delete:
    """Forget the beats of workers that left or fell silent long ago."""
    return delete(WorkerBeat).where(
        or_(WorkerBeat.name.in_(names), WorkerBeat.seen_at < func.now() - older_than)
    )
