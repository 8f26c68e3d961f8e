"""Spots become rows: numbered by time, written with COPY."""

from collections.abc import Iterable
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from model.spotting.spots import Spot

COPY = (
    "copy events (video_id, analysis_id, seq, time_ms, pts, frame, label, score, team) "
    "from stdin"
)


def copy_events(
    session: Session, *, video_id: UUID, analysis_id: UUID, spots: Iterable[Spot]
) -> None:
    """Write the events of an analysis inside the session's transaction.

    `seq` counts from 0 by time, then label: the order in which they are read.
    """
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError(f"COPY needs psycopg, not {type(connection).__name__}")
    ordered = sorted(spots, key=lambda spot: (spot.time_s, spot.label))
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for seq, spot in enumerate(ordered):
            copy.write_row(
                (
                    video_id,
                    analysis_id,
                    seq,
                    round(spot.time_s * 1000),
                    spot.pts,
                    spot.frame,
                    spot.label,
                    float(spot.score),
                    spot.team,
                )
            )
