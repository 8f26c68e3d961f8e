"""What can be wrong with where a video's bytes shall come from."""

from app.core.errors import NotFound, RequestProblem


class SourceRefused(RequestProblem):
    """The address, or the path in the folder of imports, may not be used."""

    status, slug, title = 422, "source-refused", "Source refused"


class ImportNotFound(NotFound):
    """No video file has that path in the folder of imports, or none is set up."""

    slug, title = "import-not-found", "Import not found"
