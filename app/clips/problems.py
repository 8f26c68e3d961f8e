"""What can go wrong with pictures and clips."""

from app.core.errors import JobFailure, NotFound, RequestProblem


class NoThumbnails(NotFound):
    """The video has no poster and no thumbnails yet."""

    slug, title = "no-thumbnails", "No thumbnails yet"


class ClipNotFound(NotFound):
    """No clip has that id."""

    slug, title = "clip-not-found", "Clip not found"


class ClipNotReady(RequestProblem):
    """The clip has no file: it is still being rendered, or could not be."""

    status, slug, title = 409, "clip-not-ready", "Clip not ready"


class CannotCut(RequestProblem):
    """There is nothing to cut, or too much, or an event lies beyond the video's end."""

    status, slug, title = 422, "cannot-cut", "Cannot be cut"


class ClipDeleted(JobFailure):
    """The clip was deleted before it was rendered."""

    code = "clip_deleted"
