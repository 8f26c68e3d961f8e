"""What a training shows while it runs: curves and log, in short transactions."""

import time
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.db.session import Sessions
from app.trainings.queries import last_lines
from app.trainings.service import (
    Point,
    PointKind,
    add_line,
    add_points,
    drop_points_after,
)

WRITE_EVERY_S = 1.0
KNOWN_LINES = 200

log = structlog.get_logger(__name__)


class TrainingRecord:
    """Gathers points and lines, and writes them now and then.

    A database that is away costs nothing: they are kept until it is back, or the lease
    has run out.
    """

    def __init__(self, sessions: Sessions, training_id: UUID) -> None:
        self._sessions, self._training_id = sessions, training_id
        self._lines: list[tuple[str, datetime]] = []
        self._points: list[Point] = []
        self._begun: set[tuple[str, str]] = set()
        self._said = self._read_log()
        self._written_s = time.monotonic()

    def begin(self) -> None:
        """Begin a process: its curves take over where they begin."""
        self.flush()
        self._begun.clear()

    def line(self, text: str, *, is_said_once: bool = False) -> None:
        """Add a line to the log.

        Args:
            is_said_once: a process that goes on says what an earlier one has said.
        """
        if is_said_once and text in self._said:
            return
        log.info("training_says", text=text)
        self._said.add(text)
        self._lines.append((text, utc_now()))

    def point(
        self,
        kind: PointKind,
        stage: str,
        step: int,
        values: Mapping[str, float | None],
    ) -> None:
        """Add a point to a curve."""
        self._points.append(Point(kind, stage, step, values))

    def flush_if_due(self) -> None:
        """Write what there is, unless that was done a moment ago."""
        if time.monotonic() - self._written_s >= WRITE_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        self._written_s = time.monotonic()
        if not self._lines and not self._points:
            return
        begun = set(self._begun)
        try:
            with self._sessions.begin() as session:
                for text, at in self._lines:
                    add_line(session, self._training_id, text, at=at)
                self._write_points(session, begun)
        except OperationalError as exc:
            log.warning("training_not_recorded", error=str(exc.orig or exc))
            return
        self._begun = begun
        self._lines.clear()
        self._points.clear()

    def _read_log(self) -> set[str]:
        """Read what earlier runs have said lately."""
        with self._sessions() as session:
            lines = session.scalars(last_lines(self._training_id, limit=KNOWN_LINES))
            return {line.text for line in lines}

    def _write_points(self, session: Session, begun: set[tuple[str, str]]) -> None:
        """Write the points; a curve's first one replaces an earlier process's."""
        for point in self._points:
            if (point.kind, point.stage) not in begun:
                begun.add((point.kind, point.stage))
                drop_points_after(
                    session,
                    self._training_id,
                    stage=point.stage,
                    step=point.step - 1,
                    kinds=(point.kind,),
                )
        add_points(session, self._training_id, self._points)
