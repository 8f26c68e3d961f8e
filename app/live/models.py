"""Which of the installed checkpoints can be used live."""

from app.checkpoints.catalogue import check_model, file_name, list_models
from app.core.settings import Settings
from app.live.problems import NotLive
from model.checkpoint.library import Entry


def live_models(settings: Settings) -> list[Entry]:
    """List the checkpoints that can be used live, by name."""
    return [
        entry
        for entry in list_models(settings)
        if entry.manifest is not None
        and not entry.is_archived
        and entry.manifest.look_ahead_s is not None
    ]


def find_live_model(name: str | None, settings: Settings) -> Entry:
    """Find the checkpoint for a stream.

    Args:
        name: None: the default one if it is live, else the newest live one.

    Raises:
        UnknownModel: there is none of that name, or it cannot be read.
        NotLive: it is none for live use, or there is no such one.
    """
    live = {entry.name: entry for entry in live_models(settings)}
    known = ", ".join(live) or "none"
    if name is None:
        chosen = [entry for entry in live.values() if entry.is_default]
        own = [entry for entry in live.values() if not entry.is_bundled]
        for entry in (*chosen, *reversed(own), *reversed(live.values())):
            return entry
        raise NotLive(
            "No live model is installed: one that need not see what comes after. Put "
            "one into DATA_DIR/models.",
            models=[],
        )
    check_model(name, settings)
    found = live.get(file_name(name, settings))
    if found is None:
        raise NotLive(
            f"The model {name!r} looks at what comes after an event, and cannot be "
            f"used live. Live models are: {known}.",
            models=list(live),
        )
    return found
