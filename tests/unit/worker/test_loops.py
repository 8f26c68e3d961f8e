"""A thread that loops outlives whatever a round raises."""

import threading

import pytest
from structlog.testing import capture_logs

from worker.loops import start_loop

PATIENCE_S = 60.0


@pytest.mark.parametrize("error", [IndexError("x"), OSError("x"), MemoryError()])
def test_a_loop_goes_on_after_a_round_that_raises_and_the_log_tells(
    error: Exception,
) -> None:
    leaving, rounds = threading.Event(), []

    def step() -> None:
        rounds.append(1)
        if len(rounds) == 1:
            raise error
        leaving.set()

    with capture_logs() as logs:
        thread = start_loop("some", step, every_s=0.01, leaving=leaving)
        thread.join(PATIENCE_S)

    assert len(rounds) == 2
    assert [(one["event"], one["loop"]) for one in logs] == [("loop_failed", "some")]
