"""Which name the model of a training may have."""

from sqlalchemy.orm import Session

from app.checkpoints.catalogue import list_models
from app.checkpoints.lineage import projects_of_versions
from app.core.db.project_sessions import project_of
from app.core.errors import RULE, InvalidRequest
from app.core.settings import Settings
from app.trainings.problems import ModelNameTaken
from app.trainings.queries import is_trained_elsewhere
from model.checkpoint.archive import SUFFIX
from model.checkpoint.versions import MAX_NAME, NAME, RESERVED_NAMES

NAME_RULE = (
    f"up to {MAX_NAME} letters of a to z, digits, dots, dashes and underscores, "
    "a letter or digit first; a version (@2) is added by itself"
)


def check_name(session: Session, name: str, settings: Settings) -> None:
    """Make sure that a training may make versions of a model of this name.

    Raises:
        InvalidRequest: it is reserved, or holds what file names do not take.
        ModelNameTaken: a model that is no training's has it, or another project, also
            one that has deleted the trainings since.
    """
    is_odd = not NAME.fullmatch(name) or name.endswith((SUFFIX, "."))
    if is_odd or len(name) > MAX_NAME:
        raise InvalidRequest(
            f"name: a model cannot be called {name[:100]!r}. Take {NAME_RULE}."
        )
    if name.casefold() in RESERVED_NAMES:
        raise InvalidRequest(
            f"name: {name!r} stands for something else; take another name.", kind=RULE
        )
    for entry in list_models(settings):
        if entry.name.casefold() == name.casefold():
            origin = "came with Touchline" if entry.is_bundled else "is installed"
            raise ModelNameTaken(
                f"A model called {entry.name!r} {origin}, and would be taken for this "
                "one: choose another name."
            )
    project_id = project_of(session)
    theirs = projects_of_versions(name, settings) - {str(project_id)}
    if session.scalar(is_trained_elsewhere(name, project_id, theirs)):
        raise ModelNameTaken(
            f"Another project of this service trains models called {name!r}: choose "
            "another name."
        )
