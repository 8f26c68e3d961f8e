"""What can go wrong with a timeline."""

from app.core.errors import NotFound, RequestProblem


class AnalysisTooOld(RequestProblem):
    """What made events of the timeline's score curves is not known; run it again."""

    status, slug, title = 409, "analysis-too-old", "Analysis of an earlier release"


class ThresholdsChanged(RequestProblem):
    """Others saved thresholds since; `current` tells what they are."""

    status, slug, title = 412, "thresholds-changed", "Thresholds changed"


class FormatCannotHold(RequestProblem):
    """A format of files cannot hold these events; the detail says why."""

    status, slug, title = 422, "format-cannot-hold", "Format cannot hold these events"


class ScoresNotFound(NotFound):
    """The file with the timeline's score curves is gone; run the video again."""

    slug, title = "scores-not-found", "Scores not found"


class UnknownTeam(RequestProblem):
    """The timeline knows no such team; the detail names those it knows."""

    status, slug, title = 422, "unknown-team", "Unknown team"


class NoTimeline(RequestProblem):
    """The video has no finished timeline yet."""

    status, slug, title = 409, "no-timeline", "No timeline yet"
