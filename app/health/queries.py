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

from app.health.tables import WorkerHeartbeat


def living_workers(kind: str, *, within: timedelta) -> Select[WorkerHeartbeat]:
    """The workers of a kind that were heard of lately, by the database's clock."""
    return (
        select(WorkerHeartbeat)
        .where(
            WorkerHeartbeat.kind == kind, WorkerHeartbeat.seen_at > func.now() - within
        )
        .order_by(WorkerHeartbeat.name)
    )


def save_heartbeat(*, name: str, kind: str, info: Mapping[str, object]) -> Insert:
    """Say that a worker process lives."""
    row = {"kind": kind, "seen_at": func.now(), "info": dict(info)}
    return (
        insert(WorkerHeartbeat)
        .values(name=name, **row)
        .on_conflict_do_update(index_elements=[WorkerHeartbeat.name], set_=row)
    )


def delete_heartbeats(*, names: Sequence[str] = (), older_than: timedelta) -> Delete:
    """Forget the heartbeats of workers that left or fell silent long ago."""
    return delete(WorkerHeartbeat).where(
        or_(
            WorkerHeartbeat.name.in_(names),
            WorkerHeartbeat.seen_at < func.now() - older_than,
        )
    )
