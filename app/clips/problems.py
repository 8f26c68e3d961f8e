"""What can go wrong with pictures and clips."""

from app.core.errors import NotFound


class NoThumbnails(NotFound):
    """The video has no poster and no thumbnails yet."""

    slug, title = "no-thumbnails", "No thumbnails yet"
