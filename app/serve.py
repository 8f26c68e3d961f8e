"""`touchline serve`: starts the whole service on one machine, and stops it in order.

Postgres, migrations, workers, API; each in a process group of its own, so that Ctrl-C
reaches nobody but us. Works by module names alone: it imports no worker.
"""

import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import httpx

from app.core.db.embedded import start_postgres
from app.core.db.migrate import upgrade
from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.webhooks import webhook_secret
from app.http_server import uvicorn_arguments
from app.parts import Part, Plan, Say, Warden, last_error
from app.surroundings import alone_on, check_redis, check_surroundings

API_START_S = 120.0
API_STOP_S = 4.0  # together with Postgres's share less than the 20 s promised
WORKER_STOP_S = 7.0
WATCH_EVERY_S = 0.2
STEADY_S = 60.0  # a part that ran so long has started well
MAX_DEATHS = 5  # in a row, each sooner than that
LONGEST_PAUSE_S = 30.0


@dataclass(slots=True)
class Seat:
    """A place in the service that a part fills; a new one when it dies."""

    plan: Plan
    part: Part | None = None
    deaths: int = 0
    next_start: float = 0.0


@dataclass(slots=True)
class Run:
    """One run of the service and all that it started."""

    settings: Settings
    say: Say
    stop: threading.Event
    warden: Warden
    seats: list[Seat] = field(default_factory=list)


def serve(settings: Settings, *, say: Say, show: Say) -> None:
    """Run the service until SIGINT or SIGTERM.

    Args:
        say: takes progress and warnings, a line each (standard error).
        show: takes the three lines that tell where things are (standard output).

    Raises:
        StartFailed: it cannot start or go on; whatever was started has been ended.
    """
    settings.refuse_open_door()
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(stop))
        stack.enter_context(alone_on(settings.data_dir))
        check_surroundings(settings)
        webhook_secret(settings)
        warden = Warden(settings.data_dir / "warden.lock")
        stack.callback(warden.close)
        run = Run(settings, _unbreakable(say), stop, warden)
        environment = _environment(run, stack)
        if stop.is_set():
            return
        run.say("starting the workers and the API ...")
        run.seats = [Seat(plan) for plan in _plans(settings, environment)]
        stack.callback(_end_all, run)
        for seat in run.seats:
            _fill(seat, run)
        if _wait_for_api(run):
            _show_places(settings, show)
            _watch(run)


def _unbreakable(say: Say) -> Say:
    """Go on when the terminal is gone: stopping in order matters more than telling."""

    def tell(line: str) -> None:
        with suppress(OSError):
            say(line)

    return tell


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into an event."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _environment(run: Run, stack: ExitStack) -> dict[str, str]:
    """Start or reach the servers; returns the environment that names them."""
    settings = run.settings
    url = settings.database_url
    if url is None:
        run.say("starting Postgres ...")
        server = start_postgres(
            settings.data_dir,
            log_path=settings.data_dir / "logs" / "postgres.log",
            say=run.say,
        )
        run.warden.watch(server.process.pid, signal.SIGINT)
        stack.callback(run.warden.forget, server.process.pid)
        stack.callback(server.stop)
        url = server.url
    run.say("migrating ...")
    upgrade(url)
    if settings.redis_url is not None:
        check_redis(settings.redis_url)
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "TOUCHLINE_DATA_DIR": str(settings.data_dir),
        "TOUCHLINE_HOST": settings.host,
        "TOUCHLINE_PORT": str(settings.port),
        "TOUCHLINE_DATABASE_URL": url,
    }


def _plans(settings: Settings, environment: dict[str, str]) -> list[Plan]:
    """List the parts in the order of their start."""
    logs, python = settings.data_dir / "logs", [sys.executable, "-P", "-m"]
    # Two runs on one machine may share a database: their workers need own names.
    run = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:6]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]

    def worker(kind: str) -> Plan:
        command = [*python, "celery", "-A", f"worker.{kind}", "worker", *quiet]
        command += ["-Q", kind, "-n", f"{kind}-{run}@%h", "--loglevel", "INFO"]
        return Plan(f"{kind} worker", command, environment, logs / f"{kind}.log")

    api = [*python, "uvicorn", "app.main:create_app", "--factory"]
    api += ["--host", settings.host, "--port", str(settings.port)]
    api += ["--timeout-graceful-shutdown", "3", "--no-access-log"]
    api += uvicorn_arguments()
    return [
        worker("light"),
        worker("gpu"),
        Plan("API", api, environment, logs / "api.log"),
    ]


def _fill(seat: Seat, run: Run) -> None:
    seat.part = Part(seat.plan, say=run.say)
    run.warden.watch(seat.part.group, signal.SIGTERM)


def _wait_for_api(run: Run) -> bool:
    """Wait until the API answers; False if asked to stop before."""
    deadline = time.monotonic() + API_START_S
    api = run.seats[-1]
    with httpx.Client(trust_env=False, timeout=2.0) as client:
        while not run.stop.wait(WATCH_EVERY_S):
            log_path = api.plan.log_path
            if api.part is None or api.part.exit_code is not None:
                raise StartFailed(f"the API does not start: {last_error(log_path)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"the API does not answer; see {log_path}")
            try:
                if client.get(f"{run.settings.local_url}/healthz").is_success:
                    return True
            except httpx.TransportError:
                continue
    return False


def _show_places(settings: Settings, show: Say) -> None:
    show(f"API   {settings.base_url}")
    show(f"Docs  {settings.base_url}/docs")
    show(f"Data  {settings.data_dir}")


def _watch(run: Run) -> None:
    """Start again what dies, with growing pauses, until asked to stop.

    Raises:
        StartFailed: a part keeps dying.
    """
    while not run.stop.wait(WATCH_EVERY_S):
        for seat in run.seats:
            if seat.part is None:
                if time.monotonic() >= seat.next_start:
                    _fill(seat, run)
            elif seat.part.exit_code is not None:
                _bury(seat, seat.part, run)


def _bury(seat: Seat, part: Part, run: Run) -> None:
    now = time.monotonic()
    code, lived_s = part.exit_code, now - part.started
    part.kill()  # Its children, should it have left any.
    run.warden.forget(part.group)
    seat.part = None
    seat.deaths = 1 if lived_s > STEADY_S else seat.deaths + 1
    if seat.deaths >= MAX_DEATHS:
        reason = last_error(seat.plan.log_path)
        raise StartFailed(
            f"the {seat.plan.name} ended {seat.deaths} times in a row: {reason} "
            f"(see {seat.plan.log_path})"
        )
    pause_s = min(2.0 ** (seat.deaths - 1), LONGEST_PAUSE_S)
    seat.next_start = now + pause_s
    run.say(
        f"the {seat.plan.name} ended (exit code {code}); "
        f"starting it again in {pause_s:.0f} s"
    )


def _end_all(run: Run) -> None:
    """End the API first, so that nothing new comes in, then the workers together."""
    run.say("stopping ...")
    for seats, patience_s in (
        (run.seats[-1:], API_STOP_S),
        (run.seats[:-1], WORKER_STOP_S),
    ):
        parts = [seat.part for seat in seats if seat.part is not None]
        for part in parts:
            part.ask_to_end()
        until = time.monotonic() + patience_s
        for part in parts:
            part.wait(until=until)
            run.warden.forget(part.group)
