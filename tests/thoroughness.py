"""How thorough tests are whose every further step costs a new process with torch."""

import os


def kills_everywhere() -> bool:
    """Whether a training is killed in every stage, as `make chaos` does it."""
    return os.environ.get("TOUCHLINE_KILL_EVERYWHERE") == "1"
