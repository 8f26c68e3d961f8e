"""Every event of a batch's videos, read as it is sent: a page of items at a time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from app.annotations.merge import TimelineEvent
from app.annotations.selection import EventQuery
from app.annotations.states import TEAM
from app.annotations.wire import event_item
from app.batches.queries import videos_after
from app.core.errors import RequestProblem, VideoNotFound
from app.core.resources import Resources
from app.sources.shown import shown_url
from app.timelines.found_events import EventsRequest, find_events
from app.timelines.tables import Analysis

PAGE = 50  # items read at once
MOST_LEFT_OUT = 100  # told by name

log = structlog.get_logger(__name__)

Row = dict[str, Any]  # by the name of its column


class _Item(NamedTuple):
    number: int
    kind: str
    address: str
    video_id: Any  # a UUID: the statement leaves out items without one

    @property
    def shown_address(self) -> str:
        return shown_url(self.address) if self.kind == "url" else self.address


@dataclass(slots=True)
class BatchEvents:
    """Reads the rows of a batch; each video at the moment at which its turn comes.

    Attributes:
        videos: read so far.
        left_out: videos whose events could not be read, and why; up to 100.
    """

    batch_id: UUID
    resources: Resources
    videos: int = 0
    left_out: list[dict[str, str]] = field(default_factory=list)

    def by_video(self) -> Iterator[list[Row]]:
        """Give the rows of each video, in the order of the batch; some have none.

        Nothing is held of the videos before, and no connection between two of them.
        """
        after = 0
        while True:
            statement = videos_after(self.batch_id, after=after, limit=PAGE)
            with self.resources.sessions() as session:
                page = session.execute(statement).all()
            if not page:
                return
            for row in page:
                found = self._rows_of(_Item._make(row))
                if found is not None:
                    self.videos += 1
                    yield found
            after = page[-1].number

    def _rows_of(self, item: _Item) -> list[Row] | None:
        try:
            found = find_events(
                EventsRequest(item.video_id, EventQuery()), self.resources, limit=None
            )
        except VideoNotFound:  # deleted meanwhile
            return None
        except RequestProblem as exc:
            log.warning("events_left_out", video=str(item.video_id), why=exc.detail)
            if len(self.left_out) < MOST_LEFT_OUT:
                self.left_out.append(
                    {"video_id": str(item.video_id), "why": exc.detail}
                )
            return None
        of_video = {
            "batch_id": str(self.batch_id),
            "item": item.number,
            "source_kind": item.kind,
            "source_url": item.shown_address,
            "video_id": str(item.video_id),
            "video_title": found.video.title,
            "video_filename": found.video.filename,
            "video_sha256": found.video.sha256,
            **self._analysis_facts(found.analysis_id),
        }
        return [{**of_video, **_event_facts(event)} for event in found.events]

    def _analysis_facts(self, analysis_id: UUID | None) -> Row:
        analysis = None
        if analysis_id is not None:
            with self.resources.sessions() as session:
                analysis = session.get(Analysis, analysis_id)
        ran: dict[str, Any] = {} if analysis is None else analysis.checkpoint
        name = ran.get("name")
        return {
            "analysis_id": None if analysis is None else str(analysis.id),
            "analysed_at": None if analysis is None else analysis.created_at,
            "model_name": name,
            "model_version": None if name is None else name.partition("@")[2] or None,
            "model_sha256": ran.get("sha256"),
            "software_version": ran.get("version"),
            "engine": ran.get("engine"),
        }


def _event_facts(event: TimelineEvent) -> Row:
    """Tell of an event what /events tells of it."""
    told = event_item(event)
    same = ("type", "time_s", "frame", "score", "state", "is_provisional", "decided_by")
    attributes = {key: one for key, one in event.attributes.items() if key != TEAM}
    decided_at: datetime | None = event.decided_at
    return {
        "event_id": told["id"],
        **{name: told[name] for name in same},
        "team": told["team"],
        "event_source": told["source"],
        "decided_at": decided_at,
        "attributes": json.dumps(attributes, ensure_ascii=False, sort_keys=True),
    }
