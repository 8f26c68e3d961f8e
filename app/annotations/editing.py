"""The events of one video, as the changes of one step leave them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.changes import Change, Rules, added, changed
from app.annotations.frame_clock import FrameClock
from app.annotations.known_types import check_label
from app.annotations.lookup import UnshownSuggestions
from app.annotations.problems import EventChanged, VersionNeeded
from app.annotations.states import EventState
from app.annotations.timelines import MergedTimeline, View, read_timeline
from app.core.errors import EventNotFound, InvalidRequest
from app.core.storage.interface import Storage
from app.timelines.tables import Analysis
from app.videos.tables import Video


@dataclass(frozen=True, slots=True)
class Transition:
    """What a step does to one event; None: nothing is decided."""

    event_id: UUID
    before: EventState | None
    after: EventState | None


class Editing:
    """The events of a locked video, as the changes of one step leave them."""

    def __init__(
        self,
        session: Session,
        storage: Storage,
        video: Video,
        view: View,
        author: str,
        now: datetime,
    ) -> None:
        self._session, self._storage, self._video = session, storage, video
        self._view, self._author = view, author
        self._before: dict[UUID, EventState | None] = {}
        self._now: dict[UUID, EventState | None] = {}
        self._rules = Rules(
            clock=lambda: self._clock,
            check_label=self._check_label,
            author=author,
            now=now,
        )
        self._checked: set[str] = set()  # labels that the video can have
        self.named: dict[UUID, None] = {}  # in their order, each once

    def apply(self, change: Change) -> None:
        """Apply one change after those before it."""
        if change.event_id is None:
            self._check_new(change)
            event = added(change, self._rules)
            self._before[event.event_id] = None
            self._now[event.event_id] = event
            self.named[event.event_id] = None
            return
        event, version = self._find(change.event_id)
        is_first = event.event_id not in self._now
        if is_first:
            self._check_version(event, version, change)
        after = changed(event, change, self._rules)
        if is_first and after != event:
            self._check_owner(event, version, change)
        self.named[event.event_id] = None
        self._before.setdefault(event.event_id, event if event.is_decided else None)
        self._now[event.event_id] = after if after and after.is_decided else None

    def transitions(self) -> list[Transition]:
        """List what the changes came to; events that stay as they are left out."""
        return [
            Transition(event_id, before, self._now[event_id])
            for event_id, before in self._before.items()
            if before != self._now[event_id]
        ]

    def taken_by(self, event_ids: Iterable[UUID]) -> tuple[UUID, ...]:
        """List the suggestions that these events were shown for before the step."""
        return self._timeline.taken_by(event_ids)

    def _check_new(self, change: Change) -> None:
        if change.new_id is None:
            return
        try:
            self._find(change.new_id)
        except EventNotFound:
            return
        raise InvalidRequest(
            f"There is an event {change.new_id} already: change it, or give the new "
            "one another id."
        )

    def _find(self, event_id: UUID) -> tuple[EventState, int]:
        """Find an event as it stands, by its id or that of the suggestion it takes."""
        event_id = self._timeline.taken.get(event_id, event_id)
        decided = self._timeline.decisions.get(event_id)
        version = decided.revision if decided else 0
        event = self._now.get(event_id) or (
            decided.event if decided and event_id not in self._now else None
        )
        if event is not None:
            return event, version
        found = self._unshown.find(self._timeline, event_id)
        if found is None and decided is None:
            raise EventNotFound(
                f"The timeline of this video has no event {event_id}; it may have been "
                "added and undone, or be of a list that was made at other thresholds."
            )
        if found is None:
            raise EventNotFound(f"The event {event_id} was taken back just before.")
        return found, version

    def _check_version(self, event: EventState, version: int, change: Change) -> None:
        """Refuse a change that was made for another version.

        Raises:
            EventChanged: says by whom and since when.
        """
        if change.versions is None or change.versions.allow(version):
            return
        by = f", by {event.author}" if event.author else ""
        raise EventChanged(
            f"The event is at version {version} by now{by}; see what changed, then "
            "send this again with that version.",
            event_id=str(event.event_id),
            version=version,
            since=change.versions.oldest,
        )

    def _check_owner(self, event: EventState, version: int, change: Change) -> None:
        """Refuse to overwrite what somebody else said without having seen it.

        Raises:
            VersionNeeded: somebody else decided it, and no version was named.
        """
        is_ours = not event.is_decided or event.author == self._author
        if change.versions is None and not is_ours:
            raise VersionNeeded(
                f"{event.author} decided this event: send If-Match with the version "
                f'you saw (now "{version}"), or `version` in a batch.',
                event_id=str(event.event_id),
                version=version,
            )

    @cached_property
    def _analysis(self) -> Analysis | None:
        shown = self._video.current_analysis_id
        return None if shown is None else self._session.get(Analysis, shown)

    @cached_property
    def _timeline(self) -> MergedTimeline:
        return read_timeline(
            *(self._session, self._storage, self._video, self._analysis, self._view)
        )

    @cached_property
    def _unshown(self) -> UnshownSuggestions:
        return UnshownSuggestions(
            self._session, self._storage, self._video, self._analysis
        )

    @cached_property
    def _clock(self) -> FrameClock:
        return FrameClock.of(self._video, self._storage)

    def _check_label(self, label: str) -> None:
        if label in self._checked:
            return
        in_use = {one.event.label for one in self._timeline.decisions.values()}
        check_label(
            *(self._session, label, self._analysis, self._storage), in_use=in_use
        )
        self._checked.add(label)
