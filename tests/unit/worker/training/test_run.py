"""A training's run: its process is heard, pauses for others, dies, hangs, is left."""

import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import StorageFull
from model.errors import BadAnnotations, Canceled, NoRoom
from worker.training.failures import (
    TrainingBusy,
    TrainingDied,
    TrainingOutOfMemory,
    TrainingStalled,
)
from worker.training.run import BEGINS, Timeouts, TrainingRun, share_of_all

Step = dict[str, Any]  # of a script, see `scripted`

SCRIPTED = (sys.executable, "-P", str(Path(__file__).with_name("scripted.py")))
ALONE: Step = {"say": {"kind": "machine", "device": "cuda", "cards": 4}}
SHARED: Step = {"say": {"kind": "machine", "device": "cuda", "cards": 1}}
TAUGHT: Step = {"say": {"kind": "taught", "checkpoint": "hall.touchline"}}
PAUSED: Step = {"say": {"kind": "paused"}}
TIMEOUTS = Timeouts(look_every_s=0.05, pause_s=60.0, quiet_s=0.1, stall_s=120.0)


def at(stage: str, done: float) -> Step:
    return {"say": {"kind": "progress", "stage": stage, "done": done, "eta_s": 1.0}}


def point(step: int) -> Step:
    values = {"loss": 1.0 / (step + 1)}
    return {
        "say": {
            "kind": "point",
            "curve": "loss",
            "stage": "head",
            "step": step,
            "values": values,
        }
    }


@dataclass
class Heard:
    """Keeps what a run shows; raises Canceled once it is told to stop."""

    shown: list[tuple[str, float]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    processes: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def progress(self, stage: str, done: float, eta_s: float | None = None) -> None:
        self.touch()
        self.shown.append((stage, round(done, 3)))

    def touch(self) -> None:
        if self.stop.is_set():
            raise Canceled("the run stops")

    def begin(self) -> None:
        self.processes += 1

    def line(self, text: str, *, is_said_once: bool = False) -> None:
        self.lines.append(text)

    def point(
        self, kind: str, stage: str, step: int, values: Mapping[str, float | None]
    ) -> None:
        self.points.append(step)

    def flush_if_due(self) -> None:
        pass

    def flush(self) -> None:
        pass


@dataclass
class Waiting:
    """Analyses wait for so many looks."""

    looks: int = 0

    def is_waited_for(self) -> bool:
        self.looks -= 1
        return self.looks >= 0


def run(
    tmp_path: Path,
    *scripts: list[Step],
    heard: Heard,
    waiting: Waiting | None = None,
    timeouts: Timeouts = TIMEOUTS,
    noted: list[float] | None = None,
) -> TrainingRun:
    return TrainingRun(
        request={"scripts": scripts, "counter": str(tmp_path / "processes")},
        reporter=heard,
        record=heard,
        queue=waiting or Waiting(),
        timeouts=timeouts,
        note_further=([] if noted is None else noted).append,
        command=SCRIPTED,
    )


def test_what_a_process_says_is_shown_and_its_last_word_is_the_end(
    tmp_path: Path,
) -> None:
    heard, noted = Heard(), list[float]()
    line = {"say": {"kind": "line", "text": "12 events"}}
    script = [ALONE, line, at("prepare", 0.5), point(0), point(1), TAUGHT]

    ended = run(tmp_path, script, heard=heard, noted=noted).to_the_end()

    assert ended["checkpoint"] == "hall.touchline"
    assert (heard.lines, heard.points) == (["12 events"], [0, 1])
    assert heard.shown == [("prepare", 0.07)]
    assert noted == [pytest.approx(0.07)]


@pytest.mark.slow
def test_where_others_wait_for_the_only_card_it_pauses_and_goes_on_by_itself(
    tmp_path: Path,
) -> None:
    heard = Heard()
    first = [SHARED, at("head", 0.5), {"wait": "pause"}, PAUSED]
    second = [SHARED, at("head", 0.6), TAUGHT]

    ended = run(
        tmp_path, first, second, heard=heard, waiting=Waiting(looks=3)
    ).to_the_end()

    assert ended["kind"] == "taught"
    assert heard.processes == 2
    stages = [stage for stage, _ in heard.shown]
    assert stages[0] == "head"
    assert stages[-1] == "head"
    assert set(stages[1:-1]) == {"paused"}
    assert {done for stage, done in heard.shown if stage == "paused"} == {0.375}


def test_with_more_cards_than_one_nobody_is_given_way(tmp_path: Path) -> None:
    heard = Heard()
    script = [ALONE, {"sleep": 0.6}, TAUGHT]

    run(tmp_path, script, heard=heard, waiting=Waiting(looks=1000)).to_the_end()

    assert heard.processes == 1


@pytest.mark.slow
def test_one_that_does_not_pause_is_ended_and_begun_anew_later(tmp_path: Path) -> None:
    heard = Heard()
    deaf = [SHARED, {"sleep": 600}]

    ended = run(
        tmp_path,
        deaf,
        [SHARED, TAUGHT],
        heard=heard,
        waiting=Waiting(looks=2),
        timeouts=Timeouts(look_every_s=0.05, pause_s=0.3, quiet_s=0.1),
    ).to_the_end()

    assert ended["kind"] == "taught"
    assert heard.processes == 2


def test_analyses_without_end_do_not_keep_it_from_its_end(tmp_path: Path) -> None:
    heard = Heard()
    first = [SHARED, at("head", 0.5), {"wait": "pause"}, PAUSED]
    turn = [SHARED, {"sleep": 0.4}, TAUGHT]

    ended = run(
        tmp_path,
        first,
        turn,
        heard=heard,
        waiting=Waiting(looks=10**9),
        timeouts=Timeouts(look_every_s=0.05, quiet_s=0.1, longest_s=0.3, turn_s=60.0),
    ).to_the_end()

    assert ended["kind"] == "taught"
    assert heard.lines[-1] == "goes on beside analyses: it was paused for long"


def test_after_its_turn_it_gives_way_again(tmp_path: Path) -> None:
    heard = Heard()
    first = [SHARED, at("head", 0.5), {"wait": "pause"}, PAUSED]

    run(
        tmp_path,
        *(first, first, [SHARED, TAUGHT]),
        heard=heard,
        waiting=Waiting(looks=10**9),
        timeouts=Timeouts(look_every_s=0.05, quiet_s=0.1, longest_s=0.2, turn_s=0.2),
    ).to_the_end()

    assert heard.processes == 3


def test_a_cancel_while_it_is_paused_ends_it(tmp_path: Path) -> None:
    heard = Heard()
    script = [SHARED, {"wait": "pause"}, PAUSED]
    training = run(tmp_path, script, heard=heard, waiting=Waiting(looks=10**9))
    threading.Thread(target=lambda: _stop_once_paused(heard), daemon=True).start()

    with pytest.raises(Canceled):
        training.to_the_end()

    assert heard.shown[-1][0] == "paused"


def _stop_once_paused(heard: Heard) -> None:
    while not heard.shown:
        time.sleep(0.02)
    heard.stop.set()


@pytest.mark.slow
def test_a_run_that_stops_asks_its_process_to_save_and_leaves_none_behind(
    tmp_path: Path,
) -> None:
    heard, saved = Heard(), tmp_path / "saved"
    saving = [
        sys.executable,
        "-c",
        "import sys, pathlib; sys.stdin.readline(); "
        'print(\'{"kind": "alive"}\', flush=True); sys.stdin.readline(); '
        f"pathlib.Path({str(saved)!r}).touch()",
    ]
    training = run(tmp_path, [], heard=heard)
    training.command = saving
    threading.Timer(1.0, heard.stop.set).start()

    with pytest.raises(Canceled):
        training.to_the_end()

    assert saved.exists()


@pytest.mark.parametrize(
    ("steps", "error", "words"),
    [
        ([{"die": signal.SIGKILL}], TrainingDied, "signal 9 .*memory"),
        ([{"die": signal.SIGSEGV}], TrainingDied, "signal 11"),
        ([{"write": "{torn"}, {"die": signal.SIGKILL}], TrainingDied, "signal 9"),
        ([], TrainingDied, "exit code 0"),
        ([{"say": {"kind": "full"}}], StorageFull, "full"),
        (
            [{"say": {"kind": "failed", "error": "NoRoom", "detail": "9 GB"}}],
            NoRoom,
            "9 GB",
        ),
        ([{"say": {"kind": "memory"}}], TrainingOutOfMemory, "out of memory"),
        ([{"say": {"kind": "busy"}}], TrainingBusy, "earlier run"),
        (
            [{"say": {"kind": "failed", "error": "BadAnnotations", "detail": "few"}}],
            BadAnnotations,
            "few",
        ),
        (
            [{"say": {"kind": "crashed", "detail": "KeyError: 3"}}],
            RuntimeError,
            "KeyError: 3",
        ),
    ],
)
def test_an_end_that_is_no_success_is_told_by_its_reason(
    tmp_path: Path, steps: list[Step], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(tmp_path, [ALONE, *steps], heard=Heard()).to_the_end()


@pytest.mark.slow
def test_one_that_says_nothing_for_too_long_is_ended(tmp_path: Path) -> None:
    training = run(
        tmp_path,
        [ALONE, {"sleep": 600}],
        heard=Heard(),
        timeouts=Timeouts(stall_s=0.5),
    )

    with pytest.raises(TrainingStalled):
        training.to_the_end()


def test_the_whole_grows_from_stage_to_stage() -> None:
    stages = list(BEGINS)
    shares = [share_of_all(stage, done) for stage in stages for done in (0.0, 1.0)]

    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert shares == sorted(shares, key=lambda share: share or 0.0)
    assert share_of_all("tea", 0.5) is None
