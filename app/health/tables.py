"""The row of a worker process that is alive."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.base import Base


class WorkerHeartbeat(Base):
    """A worker process that says it is alive; /readyz reads it, the worker writes."""

    __tablename__ = "worker_heartbeats"
    is_shared = True

    name: Mapped[str] = mapped_column(primary_key=True)  # kind, node name, process
    kind: Mapped[str]  # gpu | media | background | train
    seen_at: Mapped[datetime]
    info: Mapped[dict[str, object]] = mapped_column(default=dict)  # engine, model, ...
