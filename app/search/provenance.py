"""Where the events of matches that a search finds come from, match by match."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.annotations.provenance import provenance_of
from app.annotations.selection import SHOWN
from app.core.db.snapshot import snapshot
from app.core.resources import Resources
from app.search.criteria import EventSearch
from app.timelines.tables import Analysis
from app.videos.tables import Video
from model.data.formats.provenance import MAX_CELL_CHARS, Provenance, joined_spans
from model.data.formats.provenance import ReviewedSpan as Span

TOO_LONG = "too long for a cell: see GET /videos/{id}/events?provenance=true"


def provenance_line(
    wanted: EventSearch, resources: Resources
) -> Callable[[Video], str]:
    """Give what tells, in a line, where a match's events come from.

    It is without the lines of the log, whose number it tells. It never fails, as the
    file is being sent by then: what is too long for a spreadsheet's cell is shortened.
    """

    def tell(video: Video) -> str:
        with snapshot(resources) as session:
            analysis = None
            if video.current_analysis_id is not None:
                analysis = session.get(Analysis, video.current_analysis_id)
            provenance = provenance_of(session, video, analysis, thresholds={})
        provenance = replace(provenance, choice=_choice_of(wanted)).without_history()
        return shortened(provenance, str(video.id))

    return tell


def _choice_of(wanted: EventSearch) -> dict[str, Any]:
    """Tell by what a search leaves out events of a match; empty: by nothing."""
    choice: dict[str, Any] = {}
    if wanted.teams:
        choice["team"] = list(wanted.teams)
    if wanted.min_score is not None:
        choice["min_score"] = wanted.min_score
    if wanted.states != SHOWN:
        choice["state"] = sorted(wanted.states)
    return choice


def shortened(provenance: Provenance, video_id: str) -> str:
    """Give the line, without who reviewed what if a cell has no room for that."""
    text = provenance.to_line()
    if len(text) <= MAX_CELL_CHARS:
        return text
    spans = (Span(start, end) for start, end in joined_spans(provenance.spans_s or ()))
    text = replace(provenance, reviewed=tuple(spans)).to_line()
    return text if len(text) <= MAX_CELL_CHARS else TOO_LONG.format(id=video_id)
