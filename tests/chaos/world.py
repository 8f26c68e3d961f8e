"""What a chaos run acts on: a real service, its broker, its disk and its clock."""

import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis

from tests.acceptance.running import RunningService
from tests.chaos.plan import Plan
from tests.receivers import Receiver, running_receiver
from tests.services import free_port, open_folder, redis_program

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DISK_BYTES = 1200 * 2**20


class RedisServer:
    """A Redis that can be killed and comes back empty on the same port."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [str(program), "--port", str(self.port), "--save", ""]
        self._command += ["--bind", "127.0.0.1", "--dir", str(folder)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with redis.Redis(port=self.port) as client:
            for _ in range(400):
                with suppress(redis.ConnectionError):
                    client.ping()
                    return
                time.sleep(0.05)
        raise AssertionError("redis-server does not answer")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def empty(self) -> None:
        with redis.Redis(port=self.port) as client:
            client.flushall()


@dataclass
class World:
    """All that can be struck, and where it is told.

    Attributes:
        can_fill: the service has a disk of its own, that may be filled.
        clock: the file that sets the clock of workers and API; None: left out.
        log: a line for each blow.
    """

    plan: Plan
    service: RunningService
    receiver: Receiver
    redis: RedisServer | None
    can_fill: bool
    clock: Path | None
    random: random.Random
    log: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)

    def look_after(self) -> None:
        """Start the service again if it ended by itself, as a service manager does.

        A start may fail when a blow falls on it.
        """
        if self.service.has_ended():
            said = self.service.said[-1:] or ["nothing was said"]
            self.say(f"serve ended ({said[0]}): started again")
            self.service.launch()

    def say(self, line: str) -> None:
        """Keep and print a line, with the seconds since the beginning."""
        told = f"{time.monotonic() - self.began:7.1f} s  {line}"
        self.log.append(told)
        print(told, flush=True)  # noqa: T201  # this is a program

    def processes(self, word: str) -> list[psutil.Process]:
        """List the service's processes whose command has a word in it."""
        found = []
        with suppress(psutil.NoSuchProcess):
            for child in self.service.process.children(recursive=True):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    if word in " ".join(child.cmdline()):
                        found.append(child)
        return found

    @property
    def broker_folder(self) -> Path:
        return self.service.data_dir / "broker" / "messages"


@contextmanager
def made_world(plan: Plan, checkpoint: Path) -> Iterator[World]:
    """Start a service with all that belongs to it; end it whatever happens."""
    with open_folder() as folder, running_receiver() as receiver:
        data_dir = folder / "data"
        data_dir.mkdir()
        can_fill = _mount(data_dir) if plan.has_disk else False
        server = _redis(plan, folder)
        clock = folder / "clock"
        library = _clock_library(folder) if plan.has_clock else None
        service = RunningService(data_dir, _environment(plan, server, library, clock))
        clock.write_text("0\n")
        clock.chmod(0o644)
        (data_dir / "models").mkdir()
        (data_dir / "models" / checkpoint.name).symlink_to(checkpoint.resolve())
        world = World(
            plan,
            service,
            receiver,
            server,
            can_fill,
            clock if library else None,
            random.Random(plan.seed),
        )
        try:
            yield world
        finally:
            world.stop.set()
            service.stop()
            if server is not None:
                server.kill()
            _keep_logs(plan, world)
            if can_fill:
                subprocess.run(["umount", "--lazy", str(data_dir)], check=False)


def _environment(
    plan: Plan, server: RedisServer | None, library: Path | None, clock: Path
) -> dict[str, str]:
    found = {
        "TOUCHLINE_ENGINE": "openvino",
        "TOUCHLINE_MODEL": "tiny",
        "TOUCHLINE_WEBHOOK_SECRET": SECRET,
        "TOUCHLINE_WEBHOOK_ALLOW_NETS": "127.0.0.0/8",
        "TOUCHLINE_SWEEP_EVERY": "PT1S",
        "TOUCHLINE_HEARTBEAT": "PT3S",
        "TOUCHLINE_LEASE": "PT15S",
        "TOUCHLINE_SAVE_EVERY": "PT4S",
        "TOUCHLINE_TRAIN_WORKER": "true",
        "TOUCHLINE_MIN_FREE_SPACE": str(64 * 2**20),
        "PYTHONFAULTHANDLER": "1",
    }
    if server is not None:
        found["TOUCHLINE_REDIS_URL"] = server.url
    if library is not None:
        found |= {
            "LD_PRELOAD": str(library),
            "CHAOS_CLOCK": str(clock),
        }
    return found


def _redis(plan: Plan, folder: Path) -> RedisServer | None:
    if plan.broker != "redis":
        return None
    program = redis_program()
    if program is None:
        raise AssertionError("there is no redis-server for --broker redis")
    server = RedisServer(program, folder)
    server.start()
    return server


def _mount(folder: Path) -> bool:
    """Mount a disk in memory; False where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0711"]
    try:
        done = subprocess.run(
            [*command, "tmpfs", str(folder)], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def _clock_library(folder: Path) -> Path | None:
    """Compile what sets the clock of processes; None where there is no compiler."""
    compiler = shutil.which("cc")
    library = folder / "clock.so"
    if compiler is None:
        return None
    source = Path(__file__).with_name("clock.c")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source)]
    done = subprocess.run([*command, "-ldl"], capture_output=True, check=False)
    return library if done.returncode == 0 else None


def _keep_logs(plan: Plan, world: World) -> None:
    """Copy what the service said to where a failure is looked into."""
    if plan.logs is None:
        return
    plan.logs.mkdir(parents=True, exist_ok=True)
    (plan.logs / "blows.log").write_text("\n".join(world.log) + "\n")
    (plan.logs / "serve.log").write_text("\n".join(world.service.said) + "\n")
    with suppress(OSError):
        shutil.copytree(
            world.service.data_dir / "logs", plan.logs / "logs", dirs_exist_ok=True
        )


def kill(process: psutil.Process) -> bool:
    """Send SIGKILL; False if it was gone before."""
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return False
    return True
