"""The default model: who chooses it, and the way back. Only people choose.

Which one it is stands in the data directory, where workers look before each job; rows
keep who chose it when.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from app.checkpoints.catalogue import check_model
from app.checkpoints.problems import (
    CannotRollBack,
    DefaultChanged,
    DefaultIsFixed,
    ModelInUse,
    ModelIsArchived,
)
from app.checkpoints.queries import choices, lock_choices
from app.checkpoints.tables import ModelChoice
from app.core.db.project_sessions import project_of
from app.core.errors import ModelNotFound, UnknownModel
from app.core.http.preconditions import is_seen
from app.core.settings import Settings
from model.checkpoint import library
from model.checkpoint.archive import Checkpoint
from model.checkpoint.versions import archived_names
from model.errors import BadCheckpoint


def models_dir(settings: Settings) -> Path:
    """Say where the service's own models lie."""
    return settings.data_dir / "models"


def current_default(settings: Settings) -> str | None:
    """Name the model that is taken where none is named; None: there is none."""
    return library.default_name(models_dir(settings), chosen=settings.model)


def history(session: Session) -> Sequence[ModelChoice]:
    """List the last choices, the newest first."""
    return session.scalars(choices()).all()


def choose_default(
    session: Session,
    name: str,
    *,
    settings: Settings,
    if_match: str | None,
    now: datetime,
) -> str:
    """Make a model the default from the next job on.

    Returns:
        Its name; of a name without version the version that it stands for now.

    Raises:
        UnknownModel: there is none of that name, or it cannot be read.
        DefaultIsFixed: the operator chose.
        DefaultChanged: the client has not seen the present default.
        ModelIsArchived: so it is.
    """
    _begin(session, settings, if_match)
    check_model(name, settings)
    return _choose(session, name, settings=settings, now=now, is_rollback=False)


def roll_back(
    session: Session, *, settings: Settings, if_match: str | None, now: datetime
) -> str:
    """Make the default what it was before; again, what it was before that.

    Raises:
        CannotRollBack: nothing was chosen before, or it is gone.
        DefaultIsFixed, DefaultChanged, ModelIsArchived: see `choose_default`.
    """
    _begin(session, settings, if_match)
    earlier = earlier_default(history(session), current_default(settings))
    if earlier is None:
        raise CannotRollBack("No other model was the default before.")
    try:
        check_model(earlier, settings)
    except UnknownModel as exc:
        raise CannotRollBack(
            f"The default before cannot be used: {exc.detail}"
        ) from exc
    return _choose(session, earlier, settings=settings, now=now, is_rollback=True)


def earlier_default(found: Sequence[ModelChoice], current: str | None) -> str | None:
    """Say what a roll back leads to, by all choices, the newest first."""
    stack: list[str] = []
    for one in reversed(found):
        if one.is_rollback and len(stack) > 1:
            stack.pop()
            continue
        before = (
            [] if one.before is None or stack[-1:] == [one.before] else [one.before]
        )
        stack += [*before, one.name]
    if stack and stack[-1] == current:
        stack.pop()
    return stack[-1] if stack else None


def archive_model(session: Session, name: str, settings: Settings) -> None:
    """Archive a model; jobs that name it, those that wait too, are run with it.

    A choice of the default that is under way is waited for: it may be of this model.

    Raises:
        ModelNotFound: there is none of that name.
        ModelInUse: it is the default.
    """
    check_exists(name, settings)
    session.execute(lock_choices())
    if name == current_default(settings):
        raise ModelInUse(f"{name} is the default: choose another default first.")
    library.archive(name, user_dir=models_dir(settings), chosen=settings.model)


def restore_model(name: str, settings: Settings) -> None:
    """Take a model back from the archive.

    Raises:
        ModelNotFound: there is none of that name.
    """
    check_exists(name, settings)
    library.restore(name, user_dir=models_dir(settings))


def check_exists(name: str, settings: Settings) -> None:
    """Make sure that a file is so called, be it damaged.

    Raises:
        ModelNotFound: none is; a name without version is no file.
    """
    known = library.names(models_dir(settings))
    if name not in known:
        raise ModelNotFound(
            f"No model is called {name!r}; installed are: "
            f"{', '.join(sorted(known)) or 'none'}."
        )


def _begin(session: Session, settings: Settings, if_match: str | None) -> None:
    if settings.model is not None:
        raise DefaultIsFixed(
            f"The operator has set TOUCHLINE_MODEL={settings.model}, which comes "
            "before any choice: have it removed, and the service started anew."
        )
    session.execute(lock_choices())
    current = current_default(settings)
    if not is_seen(if_match, version=current):
        raise DefaultChanged(f"The default is {current} by now.", name=current)


def _choose(
    session: Session, name: str, *, settings: Settings, now: datetime, is_rollback: bool
) -> str:
    folder, before = models_dir(settings), current_default(settings)
    path = library.find_named(name, folder)
    if path.stem in archived_names(folder):
        raise ModelIsArchived(f"{path.stem} is archived: restore it first.")
    if path.stem == before:
        return path.stem
    weights = Checkpoint.open(path).manifest.files.get("weights.safetensors")
    session.add(
        ModelChoice(
            project_id=project_of(session),
            name=path.stem,
            sha256=weights.sha256 if weights else None,
            before=before,
            is_rollback=is_rollback,
            created_at=now,
        )
    )
    session.flush()
    try:
        # Last, so that nothing but a commit can fail after it.
        return library.set_default(path.stem, user_dir=folder)
    except BadCheckpoint as exc:
        raise UnknownModel(f"The model {name!r} cannot be used: {exc}.") from exc
