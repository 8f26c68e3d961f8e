"""Why a training fails, as far as its worker knows it."""

from app.core.errors import JobFailure


class TrainingDeleted(JobFailure):
    """The training was deleted before it ended."""

    code = "training_deleted"


class CannotTrain(JobFailure):
    """There is nothing to learn from any more, or nothing to judge by."""

    code = "cannot_train"


class TrainingOutOfMemory(JobFailure):
    """There is too little memory for it, on the machine or on its card."""

    code = "out_of_memory"
    retryable = True


class TrainingDied(JobFailure):
    """Its process ended without a word."""

    code = "training_died"
    retryable = True


class TrainingBusy(JobFailure):
    """An earlier process of it has not ended yet."""

    code = "training_busy"
    retryable = True


class TrainingStalled(JobFailure):
    """Its process gave no sign of life for too long, and was ended."""

    code = "training_stalled"
    retryable = True
