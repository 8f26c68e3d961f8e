"""What can go wrong with trainings."""

from app.core.errors import NotFound, RequestProblem


class TrainingNotFound(NotFound):
    """No training has that id."""

    slug, title = "training-not-found", "Training not found"


class NothingReviewed(RequestProblem):
    """There is nothing to learn from: no stretch with an event is reviewed."""

    status, slug, title = 409, "nothing-reviewed", "Nothing reviewed"


class ModelNameTaken(RequestProblem):
    """A model that came with Touchline has the name; choose another one."""

    status, slug, title = 409, "model-name-taken", "Model name taken"


class TrainingNotInstalled(RequestProblem):
    """No worker can train here; the detail says what to install."""

    status, slug, title = 409, "training-not-installed", "Training not installed"


class TooManyTrainings(RequestProblem):
    """The project has as many trainings waiting as it may."""

    status, slug, title = 429, "too-many-trainings", "Too many trainings waiting"
