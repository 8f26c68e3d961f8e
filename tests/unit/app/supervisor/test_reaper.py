"""The reaper: who is on its list, and that it ends them when its orders stop."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.supervisor.reaper import end_groups, end_in_rounds, follow

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


def test_whoever_was_added_and_not_dropped_is_left() -> None:
    orders = ["add 10 15 1", "add 20 2 2", "drop 10", "add 30 15 0", "drop 99", "?"]

    assert follow(orders) == {20: (2, 2), 30: (15, 0)}


def test_a_group_ends_by_the_signal_it_was_added_with() -> None:
    with sleeper() as process:
        end_groups({process.pid: signal.SIGTERM}, grace_s=0.2)

        assert process.wait(PATIENCE_S) == -signal.SIGTERM


def test_a_group_that_will_not_end_is_killed() -> None:
    with sleeper("signal.signal(signal.SIGTERM, signal.SIG_IGN)") as process:
        end_groups({process.pid: signal.SIGTERM}, grace_s=0.2)

        assert process.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_group_that_is_gone_is_no_trouble() -> None:
    with sleeper() as process:
        process.kill()
        process.wait(PATIENCE_S)

    end_groups({process.pid: signal.SIGTERM})


@pytest.mark.slow
def test_rounds_are_ended_one_after_the_other_whatever_the_order_of_orders(
    tmp_path: Path,
) -> None:
    ends = tmp_path / "ends"
    note = (
        "import sys; signal.signal(signal.SIGTERM, lambda *_: "
        "(open({path!r}, 'a').write('{name} '), sys.exit()))"
    )
    with (
        sleeper(note.format(path=str(ends), name="last")) as last,
        sleeper(note.format(path=str(ends), name="first")) as first,
    ):
        end_in_rounds({last.pid: (15, 1), first.pid: (15, 0)}, grace_s=0.5)

        first.wait(PATIENCE_S)
        last.wait(PATIENCE_S)
    assert ends.read_text() == "first last "


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_outlives_signals_and_ends_its_charges_when_its_input_ends(
    tmp_path: Path, number: int
) -> None:
    with (
        sleeper() as charge,
        subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "app.supervisor.reaper",
                str(tmp_path / "lock"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as reaper,
    ):
        assert reaper.stdin is not None
        assert reaper.stdout is not None
        assert reaper.stdout.readline() == "ready\n"
        reaper.stdin.write(f"add {charge.pid} {int(signal.SIGTERM)} 1\n")
        reaper.stdin.flush()
        reaper.send_signal(number)
        reaper.stdin.close()

        assert charge.wait(PATIENCE_S) == -signal.SIGTERM
        assert reaper.wait(PATIENCE_S) == 0
