"""What can go wrong with a timeline."""

from app.core.errors import RequestProblem


class AnalysisTooOld(RequestProblem):
    """What made events of the timeline's score curves is not known; run it again."""

    status, slug, title = 409, "analysis-too-old", "Analysis of an earlier release"


class ThresholdsChanged(RequestProblem):
    """Others saved thresholds since; `current` tells what they are."""

    status, slug, title = 412, "thresholds-changed", "Thresholds changed"


class FormatCannotHold(RequestProblem):
    """A format of files cannot hold these events; the detail says why."""

    status, slug, title = 422, "format-cannot-hold", "Format cannot hold these events"
