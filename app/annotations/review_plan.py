"""What to check first in a video, how good its timeline is, and how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from app.annotations.decision_cost import Cost, Decided, decision_cost
from app.annotations.estimate import (
    Estimate,
    Range,
    Tally,
    decisions_to_target,
    estimate_quality,
)
from app.annotations.priority import ReviewItem, Stretches, order_of, tally_of
from app.annotations.queries import single_steps
from app.annotations.reviewed import reviewed_stretches
from app.annotations.reviewed_events import shown_at
from app.annotations.timelines import MergedTimeline, View, read_timeline
from app.core.storage.interface import Storage
from app.timelines.problems import AnalysisTooOld, NoTimeline, ScoresNotFound
from app.timelines.queries import analyses_of
from app.timelines.tables import Analysis
from app.timelines.thresholds import check_thresholds
from app.videos.tables import Video


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """A plan of a review.

    Attributes:
        items: all that is undecided, what to check first first.
        estimate: of the timeline as it is now.
        tally: what that is based on.
        cost: of a decision.
        decisions: to the target; None: more than there are items.
        revision: of the video.
    """

    items: Sequence[ReviewItem]
    estimate: Estimate
    tally: Tally
    cost: Cost
    decisions: Range | None
    revision: int

    @property
    def minutes(self) -> Range | None:
        """Minutes to the target, at the cost of a decision."""
        if self.decisions is None:
            return None
        each = self.cost.seconds / 60
        return Range(
            self.decisions.value * each,
            self.decisions.low * each,
            self.decisions.high * each,
        )


def plan_review(
    session: Session,
    storage: Storage,
    video: Video,
    analysis: Analysis,
    view: View,
    *,
    target: float,
    seconds_per_decision: float | None = None,
) -> ReviewPlan:
    """Plan the review of a video; in a snapshot.

    Where the score curves are lost, or a live stream had none, there are no ghosts; the
    plan does without.

    Args:
        view: at which thresholds.
        target: the precision that is wanted, in (0, 1].
        seconds_per_decision: in place of what was measured.

    Raises:
        ScoresNotFound, AnalysisTooOld, NoTimeline: other thresholds than the
            checkpoint's are asked for, and the curves are gone, not to be read, or
            there were none.
        UnknownType: a threshold is of a type the analysis does not know.
    """
    if view.thresholds:
        check_thresholds(view.thresholds, analysis, storage)
    timeline, has_ghosts = _read(session, storage, video, analysis, view)
    stretches = _seen_stretches(session, video, analysis)
    tally = _tally(timeline, stretches, video, has_ghosts=has_ghosts)
    estimate = estimate_quality(tally)
    items = order_of(timeline.events, stretches=stretches, calibrations=estimate.draws)
    order = [
        (one.event.label, one.event.score or 0.0, one.event.is_ghost) for one in items
    ]
    steps = [
        Decided(author, at) for author, at in session.execute(single_steps(video.id))
    ]
    return ReviewPlan(
        items=items,
        estimate=estimate,
        tally=tally,
        cost=decision_cost(steps, asked_s=seconds_per_decision),
        decisions=decisions_to_target(tally, order, estimate.draws, target=target),
        revision=video.revision,
    )


def _seen_stretches(
    session: Session, video: Video, analysis: Analysis
) -> list[tuple[int, int]]:
    """List what was reviewed when this analysis was shown.

    What it suggests in others, which were reviewed before, nobody has looked at.
    """
    analyses = session.scalars(analyses_of([video.id])).all()
    seen = (
        (one, shown_at(one, analyses)) for one in reviewed_stretches(session, video.id)
    )
    return [
        (one.from_ms, one.to_ms)
        for one, shown in seen
        if shown is not None and shown.id == analysis.id
    ]


def _read(
    session: Session, storage: Storage, video: Video, analysis: Analysis, view: View
) -> tuple[MergedTimeline, bool]:
    with_ghosts = replace(view, ghosts=True)
    try:
        return read_timeline(session, storage, video, analysis, with_ghosts), True
    except (ScoresNotFound, AnalysisTooOld, NoTimeline):
        plain = replace(view, ghosts=False)
        return read_timeline(session, storage, video, analysis, plain), False


def _tally(
    timeline: MergedTimeline, stretches: Stretches, video: Video, *, has_ghosts: bool
) -> Tally:
    said = {
        event_id: one.event.anchor.label
        for event_id, one in timeline.decisions.items()
        if one.event.anchor is not None
    }
    last_ms = max((event.time_ms for event in timeline.events), default=0)
    duration_ms = max((video.duration_s or 0.0) * 1000, last_ms)
    return tally_of(
        timeline.events,
        said=said,
        hinted=set(timeline.taken.values()),
        stretches=stretches,
        duration_ms=duration_ms,
        has_ghosts=has_ghosts,
    )
