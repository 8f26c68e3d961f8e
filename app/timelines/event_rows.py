"""Spots become rows: numbered by time, written with COPY."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.db.copying import copy_rows
from model.spotting.spots import Spot

COLUMNS = (
    *("video_id", "analysis_id", "seq", "time_ms", "pts", "frame", "label", "score"),
    "team",
)


def copy_events(
    session: Session, *, video_id: UUID, analysis_id: UUID, spots: Iterable[Spot]
) -> None:
    """Write the events of an analysis inside the session's transaction.

    `seq` counts from 0 by time, then label: the order in which they are read.
    """
    ordered = sorted(spots, key=lambda spot: (spot.time_s, spot.label))
    rows = (
        (
            *(video_id, analysis_id, seq, round(spot.time_s * 1000), spot.pts),
            *(spot.frame, spot.label, float(spot.score), spot.team),
        )
        for seq, spot in enumerate(ordered)
    )
    copy_rows(session, "events", COLUMNS, rows)
