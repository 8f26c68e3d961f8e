"""The installed checkpoints, as `model.checkpoint.library` finds them."""

from app.core.errors import ModelNotFound, UnknownModel
from app.core.settings import Settings
from app.jobs.kinds import NO_MODEL
from model.checkpoint.library import Entry, list_checkpoints, resolve
from model.checkpoint.manifest import Manifest
from model.checkpoint.versions import split_version


def list_models(settings: Settings) -> list[Entry]:
    """List the bundled checkpoints and the user's own by name.

    The folders are looked at anew each time, so a copied file is there at once.
    """
    return list_checkpoints(settings.data_dir / "models", chosen=settings.model)


def file_name(name: str, settings: Settings) -> str:
    """Tell which file a name stands for: of `hall` the newest version, as of now."""
    folder = settings.data_dir / "models"
    return resolve(name, folder, chosen=settings.model) or name


def check_model(name: str, settings: Settings) -> None:
    """Make sure that a checkpoint of this name can be used.

    Raises:
        UnknownModel: there is none, or its file is damaged.
    """
    if name == NO_MODEL:
        raise UnknownModel(
            f"{NO_MODEL!r} is no model: it is for uploads that no model is to analyse."
        )
    entries = {entry.name: entry for entry in list_models(settings)}
    name = file_name(name, settings)
    if name not in entries:
        archived = [one for one in entries if split_version(one)[0] == name]
        if archived:
            raise UnknownModel(
                f"All versions of {name!r} ({', '.join(archived)}) are archived: "
                "restore one, or name it with its version.",
                models=list(entries),
            )
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


def find_manifest(name: str, settings: Settings) -> Manifest:
    """Find what the checkpoint of this name says about itself.

    Raises:
        ModelNotFound: there is none, or its file is damaged.
    """
    entries = list_models(settings)
    name = file_name(name, settings)
    for entry in entries:
        if entry.name == name and entry.manifest is not None:
            return entry.manifest
    known = ", ".join(entry.name for entry in entries if entry.manifest) or "none"
    raise ModelNotFound(
        f"No model that can be read is called {name!r}; installed are: {known}."
    )
