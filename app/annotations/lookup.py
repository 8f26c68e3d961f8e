"""Finding what the network said by its id alone, also when it is not shown."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.queries import event_rows
from app.annotations.states import EventState
from app.annotations.timelines import MergedTimeline
from app.core.storage.interface import Storage
from app.timelines.problems import AnalysisTooOld, NoTimeline, ScoresNotFound
from app.timelines.spotting_options import labels_of
from app.timelines.suggestions import Suggestion, suggestion_id, suggestions_of
from app.timelines.tables import Analysis
from app.videos.tables import Video


class UnshownSuggestions:
    """What the network said of a video and is not shown: faint, or of earlier runs.

    What an open page shows may be any of it; a decision on it must not be lost. Each
    list is read when it is first needed and then kept: a step may name thousands.
    """

    def __init__(
        self,
        session: Session,
        storage: Storage,
        video: Video,
        analysis: Analysis | None,
    ) -> None:
        """Prepare to look.

        Args:
            analysis: the one that is shown.
        """
        self._session, self._storage = session, storage
        self._video, self._analysis = video, analysis

    def find(self, timeline: MergedTimeline, event_id: UUID) -> EventState | None:
        """Find a suggestion: shown, below a threshold, or of an earlier analysis."""
        shown = timeline.suggestions.get(event_id)
        if shown is not None:
            return EventState.suggested(shown, timeline.analysis_id)
        ghost = self.find_ghost(event_id)
        if ghost is not None and self._analysis is not None:
            return EventState.suggested(ghost, self._analysis.id)
        earlier = self._of_any_analysis.get(event_id)
        return None if earlier is None else EventState.suggested(*earlier)

    def find_ghost(self, event_id: UUID) -> Suggestion | None:
        """Find a suggestion of the shown analysis, whatever its score."""
        found = self._ghosts.get(event_id)
        if found is not None:
            return found
        faint = self._faint.get(event_id)
        return None if faint is None else replace(faint, is_ghost=True)

    @cached_property
    def _ghosts(self) -> Mapping[UUID, Suggestion]:
        return self._read(ghosts=True)

    @cached_property
    def _faint(self) -> Mapping[UUID, Suggestion]:
        """It may have been listed at lower thresholds than ghosts have."""
        return self._read(ghosts=False)

    def _read(self, *, ghosts: bool) -> Mapping[UUID, Suggestion]:
        if self._analysis is None:
            return {}
        place = (self._session, self._storage, self._analysis)
        try:
            if ghosts:
                found = suggestions_of(*place, ghosts=True)
            else:
                lowest = dict.fromkeys(labels_of(self._analysis, self._storage), 0.0)
                found = suggestions_of(*place, thresholds=lowest)
        except (AnalysisTooOld, ScoresNotFound, NoTimeline):
            return {}
        return {one.id: one for one in found}

    @cached_property
    def _of_any_analysis(self) -> Mapping[UUID, tuple[Suggestion, UUID]]:
        """By id, as the newest analysis that has it says."""
        video_id = self._video.id
        found: dict[UUID, tuple[Suggestion, UUID]] = {}
        for analysis_id, time_ms, frame, label, score, team in self._session.execute(
            event_rows(video_id)
        ):
            event_id = suggestion_id(video_id, label, frame)
            one = Suggestion(event_id, label, time_ms, frame, score, team)
            found.setdefault(event_id, (one, analysis_id))
        return found
