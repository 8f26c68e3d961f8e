"""Where the events of a video come from, for the files they are handed on in."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.annotations.queries import log_of, people_of
from app.annotations.reviewed import reviewed_stretches
from app.annotations.selection import SHOWN, EventQuery
from app.annotations.wire import line_item
from app.timelines.spotting_options import own_thresholds
from app.timelines.tables import Analysis
from app.timelines.thresholds import thresholds_in_force
from app.videos.tables import Video
from model.data.formats.provenance import ModelUsed, Provenance, ReviewedSpan


def provenance_of(
    session: Session,
    video: Video,
    analysis: Analysis | None,
    *,
    thresholds: Mapping[str, float],
    is_raw: bool = False,
) -> Provenance:
    """Tell where the events of a video come from; in a snapshot.

    Args:
        analysis: what is shown; None: people alone.
        thresholds: that were asked for, by type.
        is_raw: what the model said alone: then nothing of it is reviewed.
    """
    models: tuple[ModelUsed, ...] = ()
    if analysis is not None:
        models = (model_used(session, analysis, thresholds),)
    facts = {
        "id": str(video.id),
        "name": video.title or video.filename or str(video.id),
        "sha256": video.sha256,
    }
    if is_raw:
        return Provenance(models=models, reviewed=(), video=facts)
    stretches = reviewed_stretches(session, video.id)
    deciders = session.scalars(people_of(video.id))
    history = tuple(
        {"event_id": str(line.event_id), **line_item(line)}
        for line in session.scalars(log_of(video.id))
    )
    return Provenance(
        models=models,
        reviewers=tuple(sorted({*deciders, *(one.author for one in stretches)})),
        reviewed=tuple(
            ReviewedSpan(
                one.from_ms / 1000,
                one.to_ms / 1000,
                one.author,
                one.created_at.isoformat(),
            )
            for one in stretches
        ),
        history=history,
        history_count=len(history),
        video=facts,
    )


def model_used(
    session: Session, analysis: Analysis, thresholds: Mapping[str, float]
) -> ModelUsed:
    """Tell which model an analysis is of, and by which thresholds it is read."""
    checkpoint = analysis.checkpoint
    in_force = thresholds_in_force(session, analysis, thresholds)
    version, sha256 = checkpoint.get("version"), checkpoint.get("sha256")
    return ModelUsed(
        name=str(checkpoint.get("name") or "unknown"),
        version=None if version is None else str(version),
        sha256=None if sha256 is None else str(sha256),
        thresholds={**own_thresholds(analysis), **in_force},
    )


def choice_of(wanted: EventQuery) -> dict[str, Any]:
    """Tell by what a request leaves out events of a type, besides time; empty: none."""
    choice: dict[str, Any] = {}
    if wanted.teams:
        choice["team"] = list(wanted.teams)
    if wanted.min_score is not None:
        choice["min_score"] = wanted.min_score
    if wanted.states != SHOWN:
        choice["state"] = sorted(wanted.states)
    return choice
