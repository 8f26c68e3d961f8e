"""The warden: who is on its list, and that it ends them when its orders stop."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.warden import end_group, follow

PATIENCE_S = 60.0


def sleeper(script: str = "pass") -> "subprocess.Popen[str]":
    """Start a process in a group of its own that says when it sleeps."""
    code = f"import signal, time; {script}; print('on', flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_whoever_was_added_and_not_dropped_is_left_in_order() -> None:
    orders = ["add 10 15\n", "add 20 2\n", "drop 10\n", "add 30 15\n", "drop 99\n", "?"]

    assert list(follow(orders).items()) == [(20, 2), (30, 15)]


def test_a_group_ends_by_the_signal_it_was_added_with() -> None:
    with sleeper() as process:
        end_group(process.pid, signal.SIGTERM, grace_s=0.2)

        assert process.wait(PATIENCE_S) == -signal.SIGTERM


def test_a_group_that_will_not_end_is_killed() -> None:
    with sleeper("signal.signal(signal.SIGTERM, signal.SIG_IGN)") as process:
        end_group(process.pid, signal.SIGTERM, grace_s=0.2)

        assert process.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_group_that_is_gone_is_no_trouble() -> None:
    with sleeper() as process:
        process.kill()
        process.wait(PATIENCE_S)

    end_group(process.pid, signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_outlives_signals_and_ends_its_charges_when_its_input_ends(
    tmp_path: Path, number: int
) -> None:
    with (
        sleeper() as charge,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "app.warden", str(tmp_path / "lock")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as warden,
    ):
        assert warden.stdin is not None
        assert warden.stdout is not None
        assert warden.stdout.readline() == "ready\n"
        warden.stdin.write(f"add {charge.pid} {int(signal.SIGTERM)}\n")
        warden.stdin.flush()
        warden.send_signal(number)
        warden.stdin.close()

        assert charge.wait(PATIENCE_S) == -signal.SIGTERM
        assert warden.wait(PATIENCE_S) == 0
