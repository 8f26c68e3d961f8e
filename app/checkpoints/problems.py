"""What can go wrong with models and the choice of the default."""

from app.core.errors import RequestProblem


class DefaultIsFixed(RequestProblem):
    """The operator has set TOUCHLINE_MODEL, which comes before any choice."""

    status, slug, title = 409, "default-is-fixed", "Default is fixed"


class DefaultChanged(RequestProblem):
    """Somebody has chosen another default since; look at it, then choose again."""

    status, slug, title = 412, "default-changed", "Default changed"


class CannotRollBack(RequestProblem):
    """There is no earlier default to go back to, or it cannot be used any more."""

    status, slug, title = 409, "cannot-roll-back", "Cannot roll back"


class ModelInUse(RequestProblem):
    """The default is not archived; choose another default first."""

    status, slug, title = 409, "model-in-use", "Model in use"


class ModelIsArchived(RequestProblem):
    """An archived model is not made the default; restore it first."""

    status, slug, title = 409, "model-is-archived", "Model is archived"


class ModelExists(RequestProblem):
    """Another model has the name; take another name."""

    status, slug, title = 409, "model-exists", "Model exists"


class InvalidModel(RequestProblem):
    """The file is no checkpoint that this release runs, or the name is refused."""

    status, slug, title = 422, "invalid-model", "Invalid model"


class ModelTooLarge(RequestProblem):
    """The file is larger than a model may be; nothing of it is kept."""

    status, slug, title = 413, "model-too-large", "Model too large"
