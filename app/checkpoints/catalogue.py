"""The installed checkpoints, as `model.checkpoint.library` finds them."""

from app.core.errors import UnknownModel
from app.core.settings import Settings
from model.checkpoint.library import Entry, list_checkpoints


def list_models(settings: Settings) -> list[Entry]:
    """List the bundled checkpoints and the user's own by name.

    The folders are looked at anew each time, so a copied file is there at once.
    """
    return list_checkpoints(settings.data_dir / "models", chosen=settings.model)


def check_model(name: str, settings: Settings) -> None:
    """Make sure that a checkpoint of this name can be used.

    Raises:
        UnknownModel: there is none, or its file is damaged.
    """
    entries = {entry.name: entry for entry in list_models(settings)}
    if name not in entries:
        known = ", ".join(entries) or "none"
        raise UnknownModel(
            f"No model is called {name!r}; installed are: {known}.",
            models=list(entries),
        )
    if entries[name].problem:
        raise UnknownModel(
            f"The model {name!r} cannot be read: {entries[name].problem}.",
            models=[entry.name for entry in entries.values() if not entry.problem],
        )
