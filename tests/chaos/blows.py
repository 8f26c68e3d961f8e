"""The blows: each takes something away as an accident does, and says what it did."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.core.workers import WORKERS
from tests.chaos.world import World, kill

Strike = Callable[[World], str | None]

FULL_FOR_S = 4.0
FORWARD_S = 50 * 60  # less than what makes a stored object look like a leftover


@dataclass(frozen=True, slots=True)
class Blow:
    """One kind of accident; `strike` gives None if there was nothing to hit.

    Attributes:
        weight: how often it comes, compared with others.
        most: how often at most in one run.
    """

    name: str
    strike: Strike
    weight: int = 3
    most: int = 100


def _killing(word: str, *, child: bool = False) -> Strike:
    """Kill one of the processes with a word in their command, or a child of one."""

    def strike(world: World) -> str | None:
        found = world.processes(word)
        if child:
            found = [below for one in found for below in _children(one)]
        if not found:
            return None
        victim = world.random.choice(sorted(found, key=lambda one: one.pid))
        return f"SIGKILL {victim.pid}" if kill(victim) else None

    return strike


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children()
    return []


def _end_service(world: World) -> str:
    """Kill the first process, and start all again as a service manager would."""
    world.service.kill()
    time.sleep(1.0)
    world.service.launch()
    return "SIGKILL, then started again"


def _delete_broker_folder(world: World) -> str:
    shutil.rmtree(world.broker_folder.parent, ignore_errors=True)
    return "deleted"


def _spoil_messages(world: World) -> str | None:
    """Empty the broker's files or fill them with rubbish, and add some more."""
    kind = world.random.choice(["empty", "rubbish"])
    data = b"" if kind == "empty" else world.random.randbytes(300)
    paths = [path for path in _files(world.broker_folder) if path.suffix == ".msg"]
    for queue in WORKERS:
        paths.append(world.broker_folder / f"{time.time_ns()}_x.{queue}.msg")
    for path in paths:
        with suppress(OSError):
            path.write_bytes(data)
    return f"{len(paths)} files {kind}"


def _files(folder: Path) -> Sequence[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder)]
    except OSError:
        return []


def _restart_redis(world: World) -> str:
    if world.redis is None:
        raise ValueError("there is no Redis")
    world.redis.kill()
    time.sleep(world.random.uniform(0.5, 3.0))
    world.redis.start()
    return "killed, back and empty"


def _empty_redis(world: World) -> str:
    if world.redis is None:
        raise ValueError("there is no Redis")
    world.redis.empty()
    return "emptied"


def _fill_disk(world: World) -> str:
    """Take all the room there is for some seconds."""
    ballast = world.service.data_dir / "ballast"
    try:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(2**20)):
                pass
        time.sleep(FULL_FOR_S)
    finally:
        ballast.unlink(missing_ok=True)
    return f"full for {FULL_FOR_S:g} s"


def _set_clock(world: World) -> str:
    if world.clock is None:
        raise ValueError("there is no clock to set")
    world.clock.write_text(f"{FORWARD_S}\n")
    return f"{FORWARD_S // 60} minutes forward"


def blows_of(world: World) -> list[Blow]:
    """List what can be done to this service; what is left out is said."""
    found = [
        Blow("gpu worker", _killing("worker.gpu")),
        Blow("gpu worker's process", _killing("worker.gpu", child=True), weight=5),
        Blow("media worker", _killing("worker.media")),
        Blow("media worker's process", _killing("worker.media", child=True)),
        Blow("background worker", _killing("worker.background")),
        Blow("train worker", _killing("worker.train"), weight=1),
        Blow("API", _killing("app.supervisor.api_server")),
        Blow("decoder", _killing("model.video.child"), weight=4),
        Blow("reaper", _killing("app.supervisor.reaper"), weight=2),
        Blow("Postgres", _killing("postgres -D"), weight=2, most=4),
        Blow("serve", _end_service, weight=1, most=1),
    ]
    if world.redis is None:
        found.append(Blow("broker's folder", _delete_broker_folder))
        found.append(Blow("messages", _spoil_messages))
    else:
        found.append(Blow("Redis", _restart_redis))
        found.append(Blow("Redis's messages", _empty_redis))
    if world.can_fill:
        found.append(Blow("disk", _fill_disk, weight=2, most=2))
    else:
        world.say("left out: the disk (mounting one needs root)")
    if world.clock is not None:
        found.append(Blow("clock", _set_clock, weight=2, most=1))
    else:
        world.say("left out: the clock (there is no C compiler)")
    return found


def strike_until(world: World, is_over: Callable[[], bool]) -> float:
    """Let blows fall until it is over; each kind once at least if there is time.

    Returns:
        When the last one fell, by the monotonic clock.
    """
    blows = blows_of(world)
    first = world.random.sample(blows, len(blows))
    done = dict.fromkeys((blow.name for blow in blows), 0)
    deadline = time.monotonic() + 60 * world.plan.minutes
    last = time.monotonic()
    while time.monotonic() < deadline and not (is_over() and not first):
        time.sleep(world.random.uniform(*world.plan.pause_s))
        world.look_after()
        left = [blow for blow in blows if done[blow.name] < blow.most]
        weights = [blow.weight for blow in left]
        blow = first.pop() if first else world.random.choices(left, weights)[0]
        done[blow.name] += 1
        told = blow.strike(world)
        last = time.monotonic()
        world.say(f"{blow.name}: {told or 'nothing there to hit'}")
    return last
