"""Analyses are written here, in the transaction that ends their job."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.db.clock import database_now
from app.core.storage.interface import StoredFile
from app.jobs.tables import Job
from app.timelines.event_rows import copy_events
from app.timelines.queries import show_analysis
from app.timelines.tables import SPOTTING, Analysis
from model.checkpoint.spotting_options import SpottingOptions
from model.spotting.spots import Spot


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run of a checkpoint over a video found.

    Attributes:
        checkpoint: name, version, sha256 and engine of what ran; `teams`, the sides
            it tells apart, if it does.
        scores: the stored score curves.
        warnings: what the decoder had to forgive.
        spotting: what turned the curves into the spots; kept with the analysis, so
            that other thresholds can be tried without the checkpoint.
    """

    checkpoint: Mapping[str, object]
    scores: StoredFile
    spots: Sequence[Spot]
    warnings: Mapping[str, object]
    spotting: SpottingOptions | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Events by type."""
        return dict(Counter(spot.label for spot in self.spots))


def save_analysis(
    session: Session, found: Findings, *, video_id: UUID, job_id: UUID
) -> None:
    """Write an analysis with its events; the video shows what was asked for last.

    It takes the id of its job, as the ids of events in earlier releases did. The video
    is locked: what was reviewed by then was reviewed without it.
    """
    analysis = Analysis(
        id=job_id,
        video_id=video_id,
        job_id=job_id,
        checkpoint=_what_ran(found),
        scores_key=found.scores.key,
        scores_sha256=found.scores.sha256,
        event_counts=found.counts,
        warnings=dict(found.warnings),
        requested_at=session.get_one(Job, job_id).created_at,
        created_at=database_now(session),
    )
    session.add(analysis)
    session.flush()
    copy_events(session, video_id=video_id, analysis_id=analysis.id, spots=found.spots)
    session.execute(show_analysis(analysis))


def _what_ran(found: Findings) -> dict[str, object]:
    if found.spotting is None:
        return dict(found.checkpoint)
    return {**found.checkpoint, SPOTTING: found.spotting.to_dict()}
