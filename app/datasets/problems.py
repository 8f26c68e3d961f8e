"""What can keep a data set from being exported."""

from app.core.errors import TouchlineError


class ExportFailed(TouchlineError):
    """A data set cannot be exported; the message is one line that says what to do."""


class CannotLink(ExportFailed):
    """Files cannot be shared with the storage, of this video or any other."""


class ExportBusy(ExportFailed):
    """Another export writes to the same folder just now."""
