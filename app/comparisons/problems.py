"""What can go wrong with comparisons."""

from app.core.errors import JobFailure, NotFound, RequestProblem


class ComparisonNotFound(NotFound):
    """No such comparison is known; it may have been deleted."""

    slug, title = "comparison-not-found", "Comparison not found"


class NothingToCompareOn(RequestProblem):
    """Nothing of the videos is reviewed, so nobody knows what is true there."""

    status, slug, title = 409, "nothing-to-compare-on", "Nothing to compare on"


class TooManyComparisons(RequestProblem):
    """The project has as many comparisons waiting as it may."""

    status, slug, title = 429, "too-many-comparisons", "Too many comparisons waiting"


class ComparisonGone(JobFailure):
    """The comparison was deleted before it was made."""

    code = "comparison_deleted"


class HoldoutGone(JobFailure):
    """Nothing is left of the stretches that the models were to be compared on."""

    code = "holdout_gone"
