"""Verbs that are asked to end, or lose their terminal, put away what they began."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.supervisor.stop_signals import stopped_by_signals

# A verb that writes a file, and a server that it started in a session of its own.
VERB = """
import subprocess, sys, time
from contextlib import ExitStack
from pathlib import Path
from app.cli.main import main, touchline
from app.cli.output import output_file

@touchline.command()
def wait(out: Path) -> None:
    server = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with ExitStack() as stack:
        stack.callback(server.terminate)
        beside = stack.enter_context(output_file(out).staged())
        beside.write_text("half")
        print(server.pid, flush=True)
        time.sleep(60)

sys.argv = ["touchline", "wait", sys.argv[1]]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_verb_that_is_ended_leaves_no_half_file_and_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", VERB, str(tmp_path / "out.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as verb:
        assert verb.stdout is not None
        server = int(verb.stdout.readline())

        verb.send_signal(number)
        code = verb.wait(30)

    assert code == (130 if number == signal.SIGINT else -number)
    assert list(tmp_path.iterdir()) == []
    assert not _runs(server)


@pytest.mark.slow
def test_a_verb_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    command = ["nohup", sys.executable, "-c", VERB, str(tmp_path / "out.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as verb:
        assert verb.stdout is not None
        verb.stdout.readline()

        verb.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            verb.wait(0.5)
        verb.send_signal(signal.SIGTERM)

    assert verb.returncode == -signal.SIGTERM


def test_a_service_under_nohup_outlives_its_terminal() -> None:
    stop = threading.Event()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals(stop):
            os.kill(os.getpid(), signal.SIGHUP)
            was_stopped = stop.wait(0.1)
        after = signal.getsignal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert not was_stopped
    assert after is signal.SIG_IGN


def _runs(pid: int) -> bool:
    """Whether a process lives; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
