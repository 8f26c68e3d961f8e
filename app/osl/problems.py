"""What can go wrong with requests of OpenSportsLab's annotation tool."""

from app.core.errors import NotFound, RequestProblem


class UnsupportedTask(RequestProblem):
    """This service localizes events and does no other task."""

    status, slug, title = 422, "unsupported-task", "Unsupported task"


class AssetNotFound(NotFound):
    """No video stands for that asset: it was deleted, or was never completed."""

    slug, title = "asset-not-found", "Asset not found"


class InferenceJobNotFound(NotFound):
    """No such inference job is known, or it was asked for more than 30 days ago."""

    slug, title = "inference-job-not-found", "Inference job not found"


class PartsMissing(RequestProblem):
    """The upload is not whole yet; send the parts that are missing."""

    status, slug, title = 409, "parts-missing", "Parts missing"


class ResultNotReady(RequestProblem):
    """The inference has not succeeded, at least not yet."""

    status, slug, title = 409, "result-not-ready", "Result not ready"
