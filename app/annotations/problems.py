"""What can go wrong with a correction."""

from app.core.errors import RequestProblem


class EventChanged(RequestProblem):
    """Somebody changed the event since; `current` and `changes` tell how."""

    status, slug, title = 412, "event-changed", "Event changed"


class ReviewedChanged(RequestProblem):
    """The reviewed stretches were changed since; `current` tells what they are."""

    status, slug, title = 412, "reviewed-changed", "Reviewed stretches changed"


class VersionNeeded(RequestProblem):
    """Somebody else decided the event: say which version of it you want to change."""

    status, slug, title = 428, "version-needed", "Version needed"


class FrameBeyondEnd(RequestProblem):
    """The video has no such frame; the detail names the last one."""

    status, slug, title = 422, "frame-beyond-end", "Frame beyond the end"


class UndoConflict(RequestProblem):
    """Somebody else changed the same events since; `conflicts` tells who."""

    status, slug, title = 409, "undo-conflict", "Undo conflict"


class NothingToUndo(RequestProblem):
    """This author has changed nothing, or has undone it all."""

    status, slug, title = 409, "nothing-to-undo", "Nothing to undo"


class NothingToRedo(RequestProblem):
    """This author has undone nothing since the last change."""

    status, slug, title = 409, "nothing-to-redo", "Nothing to redo"


class UnreadableEvents(RequestProblem):
    """The body is no file of events that can be read; the detail says why."""

    status, slug, title = 422, "unreadable-events", "File of events not readable"


class AmbiguousEvents(RequestProblem):
    """The file can be read in two ways; `option` names the parameter that decides."""

    status, slug, title = 422, "ambiguous-events", "File of events is ambiguous"


class ImportIncomplete(RequestProblem):
    """Some events cannot be taken over, and nothing was; `report` names them.

    `skip_bad=true` leaves them out; `rename=OLD=NEW` maps types.
    """

    status, slug, title = 422, "import-incomplete", "Import incomplete"


class InvalidAuthor(RequestProblem):
    """The header Touchline-Author holds no name of up to 100 printable characters."""

    status, slug, title = 422, "invalid-author", "Invalid author"
