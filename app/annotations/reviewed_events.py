"""The events of reviewed stretches, as whoever reviewed them saw them.

Whoever marks a stretch as reviewed accepts what is suggested there and left as it is.
What a later analysis suggests, nobody has looked at.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.merge import TimelineEvent
from app.annotations.stretches import Stretch
from app.annotations.timelines import View, read_timeline
from app.core.storage.interface import Storage
from app.timelines.tables import Analysis
from app.videos.tables import Video


def events_as_reviewed(
    session: Session,
    storage: Storage,
    video: Video,
    *,
    stretches: Iterable[Stretch],
    analyses: Sequence[Analysis],
    view: View,
) -> list[TimelineEvent]:
    """Read the events of a video's reviewed stretches; in a snapshot.

    What people decided counts whenever they did. A suggestion that nobody has decided
    counts if it is of the analysis that was shown when its stretch was marked.

    Args:
        stretches: that none overlaps another.
        analyses: all of the video's.

    Returns:
        By time; rejected ones, too.
    """
    shown: dict[UUID | None, tuple[Analysis | None, list[Stretch]]] = {}
    for stretch in stretches:
        analysis = shown_at(stretch, analyses)
        name = None if analysis is None else analysis.id
        shown.setdefault(name, (analysis, []))[1].append(stretch)
    found: list[TimelineEvent] = []
    for analysis, of_it in shown.values():
        timeline = read_timeline(session, storage, video, analysis, view)
        ordered = sorted(of_it, key=_from_ms)
        found += [
            event for event in timeline.events if _is_within(event.time_ms, ordered)
        ]
    return sorted(found, key=lambda event: (event.time_ms, event.id))


def _is_within(time_ms: int, ordered: Sequence[Stretch]) -> bool:
    at = bisect_right(ordered, time_ms, key=_from_ms) - 1
    return at >= 0 and time_ms < ordered[at].to_ms


def _from_ms(stretch: Stretch) -> int:
    return stretch.from_ms


def shown_at(stretch: Stretch, analyses: Iterable[Analysis]) -> Analysis | None:
    """Find the analysis that was shown when a stretch was marked; None: there was none.

    Of those that were there, the one whose job was asked for last.
    """
    there = (one for one in analyses if one.created_at <= stretch.created_at)
    return max(there, key=lambda one: (one.requested_at, one.id), default=None)
