"""A fleet of machines that die, analysing an archive: a simulation by events.

Knows no clock and no chance but its own seed. Seconds are of the simulated world.
"""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["anew", "resume", "segments"]


@dataclass(frozen=True, slots=True)
class Service:
    """What an analysis takes on one machine, in seconds; see docs/performance.md.

    Attributes:
        start_s: of each run, before the first frame.
        a_minute_s: of a minute of video.
        decode_a_minute_s: of a minute that only is decoded once more, since a run that
            goes on reads its video from the beginning.
    """

    name: str
    start_s: float
    a_minute_s: float
    decode_a_minute_s: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """The machines, and how the work is cut.

    Attributes:
        mean_life_s: lifetimes are exponential; infinite: none dies.
        notice_s: before its death a machine is told, and takes nothing more.
        restart_s: until another one takes the place of one that died.
        save_every_s: of video; a run that goes on begins at the last multiple of it.
        segment_s: of video; of the mode `segments`.
        halo_s: of video that each segment reads beside its own.
    """

    machines: int
    mean_life_s: float = math.inf
    notice_s: float = 120.0
    restart_s: float = 300.0
    save_every_s: float = 60.0
    segment_s: float = 600.0
    halo_s: float = 20.0


@dataclass(slots=True)
class Outcome:
    """What came of it.

    Attributes:
        makespan_s: until the last match is done.
        busy_s: that machines worked, all together.
        useful_s: of that, what undisturbed runs take.
        up_s: that machines were there until the end, to be paid.
        deaths: of machines until the end.
        finished: how often each match was done.
    """

    makespan_s: float = 0.0
    busy_s: float = 0.0
    useful_s: float = 0.0
    up_s: float = 0.0
    deaths: int = 0
    interrupted: int = 0
    finished: list[int] = field(default_factory=list)

    @property
    def wasted(self) -> float:
        """The share of the machines' work that was wasted, 0 to 1."""
        if not self.busy_s:
            return 0.0
        return max(0.0, 1 - self.useful_s / self.busy_s)  # Sums of floats differ.


@dataclass(slots=True)
class _Task:
    """A match, or a segment of one; `saved_s` of its video need not be done again."""

    number: int
    match: int
    video_s: float
    saved_s: float = 0.0


@dataclass(slots=True)
class _Machine:
    number: int
    dies_at: float
    born_at: float = 0.0
    task: _Task | None = None
    began_at: float = 0.0
    life: int = 0  # counts its successors, so that events of one before are passed over
    is_up: bool = True

    def notice_at(self, fleet: Fleet) -> float:
        return max(self.born_at, self.dies_at - fleet.notice_s)


def simulate(
    minutes: Sequence[float], service: Service, fleet: Fleet, mode: Mode, *, seed: int
) -> Outcome:
    """Let a fleet analyse matches of so many minutes, in their order.

    A machine that is told of its end gives its work back at once; what waits longest is
    taken up first. Nothing is ever given up.
    """
    return _Simulation(minutes, service, fleet, mode, seed).run()


class _Simulation:
    def __init__(
        self,
        minutes: Sequence[float],
        service: Service,
        fleet: Fleet,
        mode: Mode,
        seed: int,
    ) -> None:
        self._service, self._fleet, self._mode = service, fleet, mode
        self._chance = random.Random(seed)  # no secret
        tasks = _tasks(minutes, fleet, mode)
        self._waiting = [(one.number, one) for one in tasks]  # a heap: it is in order
        self._left = [0] * len(minutes)  # tasks of each match that are not done
        for one in tasks:
            self._left[one.match] += 1
        self._open = len(tasks)
        self._events: list[tuple[float, int, str, _Machine, int]] = []
        self._count = 0
        self._outcome = Outcome(finished=[0] * len(minutes))
        self._machines: list[_Machine] = []
        whole = (_work_s(service, 60 * one) for one in minutes)
        self._outcome.useful_s = sum(whole)

    def run(self) -> Outcome:
        for number in range(self._fleet.machines):
            machine = _Machine(number, 0.0)
            self._machines.append(machine)
            self._be_born(machine, 0.0)
        while self._open:
            now, _, what, machine, life = heapq.heappop(self._events)
            if life != machine.life:
                continue
            if what == "done":
                self._finish(machine, now)
            elif what == "notice":
                self._interrupt(machine, now)
            elif what == "death":
                self._die(machine, now)
            else:
                machine.life += 1
                self._be_born(machine, now)
        self._close()
        return self._outcome

    def _be_born(self, machine: _Machine, now: float) -> None:
        machine.born_at, machine.is_up = now, True
        mean_s = self._fleet.mean_life_s
        life_s = self._chance.expovariate(1 / mean_s) if mean_s < math.inf else math.inf
        machine.dies_at = now + life_s
        if life_s < math.inf:
            self._plan(machine.notice_at(self._fleet), "notice", machine)
            self._plan(machine.dies_at, "death", machine)
        self._take(machine, now)

    def _plan(self, at: float, what: str, machine: _Machine) -> None:
        self._count += 1
        event = (at, self._count, what, machine, machine.life)
        heapq.heappush(self._events, event)

    def _take(self, machine: _Machine, now: float) -> None:
        """Begin what waits longest, if the machine was not told of its end."""
        is_told = now >= machine.notice_at(self._fleet)
        if machine.task is not None or is_told or not self._waiting:
            return
        _, task = heapq.heappop(self._waiting)
        machine.task, machine.began_at = task, now
        self._plan(now + self._needs_s(task), "done", machine)

    def _needs_s(self, task: _Task) -> float:
        again_s = task.saved_s / 60 * self._service.decode_a_minute_s
        return again_s + _work_s(self._service, task.video_s - task.saved_s)

    def _finish(self, machine: _Machine, now: float) -> None:
        task = machine.task
        if task is None:
            raise AssertionError("a machine without work has finished some")
        self._outcome.busy_s += now - machine.began_at
        machine.task = None
        self._open -= 1
        self._left[task.match] -= 1
        if not self._left[task.match]:
            self._outcome.finished[task.match] += 1
            self._outcome.makespan_s = now
        self._take(machine, now)

    def _interrupt(self, machine: _Machine, now: float) -> None:
        """Give the work back; another machine that idles takes it up."""
        task = machine.task
        if task is None:
            return
        spent_s = now - machine.began_at
        self._outcome.busy_s += spent_s
        self._outcome.interrupted += 1
        if self._mode == "resume":
            task.saved_s = self._saved_s(task, spent_s)
        machine.task = None
        # Its end, which is planned, must not come: the machine's next life passes it
        # over, and so must this one.
        machine.life += 1
        self._plan(machine.dies_at, "death", machine)
        heapq.heappush(self._waiting, (task.number, task))
        for other in self._machines:
            if other.is_up and other.task is None:
                self._take(other, now)

    def _saved_s(self, task: _Task, spent_s: float) -> float:
        """Tell how much video need not be done again after a run of so long."""
        again_s = task.saved_s / 60 * self._service.decode_a_minute_s
        new_s = spent_s - self._service.start_s - again_s
        done_s = task.saved_s + max(0.0, new_s) / self._service.a_minute_s * 60
        saved_s = done_s // self._fleet.save_every_s * self._fleet.save_every_s
        return max(task.saved_s, min(saved_s, task.video_s))

    def _die(self, machine: _Machine, now: float) -> None:
        if machine.task is not None:
            raise AssertionError("a machine died with work, after it was told")
        self._outcome.deaths += 1
        self._outcome.up_s += now - machine.born_at
        machine.is_up = False
        self._plan(now + self._fleet.restart_s, "birth", machine)

    def _close(self) -> None:
        end = self._outcome.makespan_s
        for machine in self._machines:
            if machine.is_up:
                self._outcome.up_s += end - machine.born_at


def _work_s(service: Service, video_s: float) -> float:
    return service.start_s + video_s / 60 * service.a_minute_s


def _tasks(minutes: Sequence[float], fleet: Fleet, mode: Mode) -> list[_Task]:
    """Cut the work; the parts of a match stand beside each other."""
    tasks: list[_Task] = []
    for match, length in enumerate(minutes):
        video_s = 60 * length
        pieces = 1
        if mode == "segments":
            pieces = max(1, math.ceil(video_s / fleet.segment_s))
        halo_s = fleet.halo_s if pieces > 1 else 0.0
        for _ in range(pieces):
            tasks.append(_Task(len(tasks), match, video_s / pieces + halo_s))
    return tasks
