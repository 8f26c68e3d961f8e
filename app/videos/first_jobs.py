"""What is done with a video once its bytes are there."""

from app.jobs.attempts import NextJob
from app.jobs.kinds import NO_MODEL, JobKind


def first_jobs(model: object) -> tuple[NextJob, ...]:
    """List the first jobs of a video; the first of them speaks for it.

    Args:
        model: the checkpoint that was asked for; None: the default one; NO_MODEL: no
            model is to analyse it.
    """
    if model == NO_MODEL:
        speaking = NextJob(JobKind.PROBE)
    else:
        speaking = NextJob(JobKind.SPOT, {"model": model})
    return speaking, NextJob(JobKind.THUMBNAILS)
