"""What the network suggests: its events under any thresholds, and ghosts below them.

Without other thresholds they are the stored rows; else they come from the stored score
curves by the code that serves (`curve_spots`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from app.core.storage.interface import Storage
from app.timelines.curve_spots import spots_from_curves
from app.timelines.queries import EventFilter, events_of
from app.timelines.spotting_options import options_of
from app.timelines.tables import Analysis
from app.timelines.thresholds import (
    check_thresholds,
    says_the_same,
    thresholds_in_force,
)
from model.spotting.spots import Spot

GHOST_FLOOR = 0.1
LOWEST_GHOST_FLOOR = 0.05  # below it every flicker of a curve is a peak


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An event as the network says it, before anybody has decided it.

    Attributes:
        id: the same in every analysis of the video, at every threshold.
        label: its type.
        time_ms: from the start, as players show.
        frame: index in the source, 0-based.
        score: belief, in [0, 1].
        team: the side that did it, if the model tells.
        is_ghost: it scores less than its type's threshold.
        is_provisional: said of a live stream, and not for good yet.
    """

    id: UUID
    label: str
    time_ms: int
    frame: int
    score: float
    team: str | None
    is_ghost: bool = False
    is_provisional: bool = False


def suggestion_id(video_id: UUID, label: str, frame: int) -> UUID:
    """Name what the network says of a frame, whichever run says it."""
    return uuid5(video_id, f"{label}@{frame}")


def suggestions_of(
    session: Session,
    storage: Storage,
    analysis: Analysis,
    *,
    thresholds: Mapping[str, float] | None = None,
    ghosts: bool = False,
    ghost_floor: float = GHOST_FLOOR,
) -> list[Suggestion]:
    """List what the network suggests, by time, then type.

    Args:
        session: for the stored events and the saved thresholds.
        storage: for the score curves, which are read only if they are needed.
        analysis: the run.
        thresholds: asked for, by type; the others are those saved for the video, else
            for the model, else the checkpoint's.
        ghosts: give the peaks between the floor and their type's threshold as well.
        ghost_floor: lowest score of a ghost, `LOWEST_GHOST_FLOOR` or more.

    Raises:
        UnknownType: a threshold is of a type the analysis does not know.
        InvalidRequest: a threshold is not in [0, 1], or the floor is too low.
        NoTimeline, ScoresNotFound: curves are needed, and there are none, or no more.
        AnalysisTooOld: what made events of the curves is not known any more.
    """
    if thresholds:
        check_thresholds(thresholds, analysis, storage)
    wanted = thresholds_in_force(session, analysis, thresholds or {})
    if not ghosts and says_the_same(wanted, analysis):
        return stored_suggestions(session, analysis)
    options = options_of(session, storage, analysis)
    at, below = spots_from_curves(
        storage,
        analysis,
        options,
        thresholds=wanted,
        floor=max(ghost_floor, LOWEST_GHOST_FLOOR) if ghosts else None,
    )
    found = [
        *_unique(analysis.video_id, at),
        *_unique(analysis.video_id, below, is_ghost=True),
    ]
    return sorted(found, key=_in_time)


def stored_suggestions(session: Session, analysis: Analysis) -> list[Suggestion]:
    """List the events as they were stored, whatever thresholds are saved."""
    rows = session.execute(events_of(analysis.video_id, analysis.id, EventFilter()))
    found = (
        Suggestion(
            id=suggestion_id(analysis.video_id, label, frame),
            label=label,
            time_ms=time_ms,
            frame=frame,
            score=score,
            team=team,
            is_provisional=is_provisional,
        )
        for _, time_ms, frame, label, score, team, is_provisional in rows
    )
    return sorted(_best(found), key=_in_time)


def _unique(
    video_id: UUID, spots: Iterable[Spot], *, is_ghost: bool = False
) -> Iterator[Suggestion]:
    return _best(
        Suggestion(
            id=suggestion_id(video_id, spot.label, spot.frame),
            label=spot.label,
            time_ms=round(spot.time_s * 1000),
            frame=spot.frame,
            score=float(spot.score),
            team=spot.team,
            is_ghost=is_ghost,
        )
        for spot in spots
    )


def _best(found: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """Keep one suggestion a type and frame, the surest.

    There are two only if a checkpoint's NMS has no window at all.
    """
    by_id: dict[UUID, Suggestion] = {}
    for one in found:
        known = by_id.get(one.id)
        if known is None or one.score > known.score:
            by_id[one.id] = one
    return iter(by_id.values())


def _in_time(one: Suggestion) -> tuple[int, str, int]:
    return one.time_ms, one.label, one.frame
