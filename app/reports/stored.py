"""What a report is made of, as its row keeps it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from app.annotations.merge import TimelineEvent
from app.reports.content import (
    MatchFacts,
    ReportContent,
    ReportEvent,
    ReportOptions,
)
from app.reports.tables import Report
from app.videos.tables import Video
from model.data.formats.provenance import Provenance


def content_to_store(
    video: Video, events: Sequence[TimelineEvent], *, told: Provenance
) -> dict[str, object]:
    """Keep facts of a match, its events, and where they come from."""
    model = told.models[0] if told.models else None
    facts = MatchFacts(
        title=video.title or video.filename or str(video.id),
        date=None if video.played_on is None else video.played_on.isoformat(),
        competition=video.competition,
        teams=list(video.teams or ()),
        halves=list(video.halves or ()),
        duration_s=video.duration_s,
        model=None if model is None else model.name,
        model_sha256=None if model is None else model.sha256,
        thresholds={} if model is None else dict(model.thresholds),
        reviewers=list(told.reviewers),
    )
    rows = [
        [
            *(str(event.id), event.label, event.time_ms, event.frame, event.team),
            *(event.score, event.state != "suggested"),
        ]
        for event in events
    ]
    return {"facts": asdict(facts), "events": rows}


def content_of(report: Report) -> ReportContent:
    """Read what a report is made of."""
    stored: Any = report.content
    options: Any = report.options
    events = [
        ReportEvent(UUID(name), label, time_ms / 1000, frame, team, score, confirmed)
        for name, label, time_ms, frame, team, score, confirmed in stored["events"]
    ]
    return ReportContent(
        MatchFacts(**stored["facts"]), events, ReportOptions(**options)
    )
