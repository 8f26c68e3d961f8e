"""`touchline serve`: starts the whole service on one machine, and stops it in order.

Postgres, migrations, workers, API; each in a process group of its own, so that Ctrl-C
reaches nobody but us. Works by module names alone: it imports no worker.
"""

import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial

from app.core.broker.notifier import LIVE_QUEUE, TRAIN_QUEUE
from app.core.broker.redis_ping import check_redis
from app.core.db.migrate import upgrade
from app.core.errors import DatabaseLost
from app.core.process_report import (
    API,
    POSTGRES,
    remove_report,
)
from app.core.settings import Settings
from app.core.workers import WorkerSpec, worker_command, workers_here
from app.live.models import live_models
from app.supervisor.answer_watch import (
    answers_http,
    answers_postgres,
    start_answer_watch,
)
from app.supervisor.api_server import api_command
from app.supervisor.earlier_run import end_earlier_run
from app.supervisor.heartbeat_watch import start_heartbeat_watch
from app.supervisor.postgres_cluster import Cluster, prepare_cluster
from app.supervisor.preflight import (
    bound_sockets,
    exclusive_data_dir,
    has_own_sockets,
    listen,
    private_sockets,
    run_preflight_checks,
)
from app.supervisor.processes import LineReporter, ProcessSpec
from app.supervisor.reaper_client import Reaper
from app.supervisor.stop_signals import stopped_by_signals
from app.supervisor.supervision import Supervisor
from app.supervisor.waiting import WATCH_EVERY_S, Run, wait_for_api, wait_for_postgres
from app.webhooks.signing import webhook_secret

POSTGRES_START_S = 600.0  # a crash recovery on a slow disk takes its time

# Connections: what each API process, and all workers together, may open at most.
API_CONNECTIONS = 80
OTHER_CONNECTIONS = 120


def serve(settings: Settings, *, report_line: LineReporter, show: LineReporter) -> None:
    """Run the service until SIGINT or SIGTERM.

    Args:
        report_line: takes progress and warnings, a line each (standard error).
        show: takes the three lines that tell where things are (standard output).

    Raises:
        StartFailed: it cannot start; whatever was started has been ended.
    """
    settings.require_key_if_exposed()
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(stopped_by_signals(stop))
        stack.enter_context(exclusive_data_dir(settings.data_dir))
        run = _prepare(settings, _unbreakable(report_line), stop, stack)
        url = _start_database(run)
        if not stop.is_set():
            _start_parts(run, url)
        if wait_for_api(run):
            _show_places(settings, show)
        while not stop.wait(WATCH_EVERY_S):
            run.supervisor.step()


def _prepare(
    settings: Settings,
    report_line: LineReporter,
    stop: threading.Event,
    stack: ExitStack,
) -> Run:
    """Clear the way and check what can be checked; starts the reaper alone."""
    data_dir, lock_path = settings.data_dir, settings.data_dir / "reaper.lock"
    end_earlier_run(data_dir, lock_path=lock_path, report_line=report_line)
    run_preflight_checks(settings)
    sockets = stack.enter_context(bound_sockets(settings))
    private = stack.enter_context(private_sockets(settings))
    webhook_secret(settings)
    cluster = None
    if settings.database_url is None:
        cluster = prepare_cluster(data_dir, report_line=report_line)
        stack.callback(cluster.close)
    stack.callback(remove_report, data_dir)
    reaper = Reaper(lock_path, report_line=report_line)
    stack.callback(reaper.close)
    supervisor = Supervisor(data_dir=data_dir, reaper=reaper, report_line=report_line)
    stack.callback(supervisor.end_all)
    stack.callback(_close_all, sockets)  # Nobody comes in while it ends.
    return Run(settings, report_line, stop, supervisor, cluster, sockets, private)


def _unbreakable(report_line: LineReporter) -> LineReporter:
    """Go on when the terminal is gone: stopping in order matters more than telling."""

    def tell(line: str) -> None:
        with suppress(OSError):
            report_line(line)

    return tell


def _close_all(sockets: Sequence[socket.socket]) -> None:
    for one in sockets:
        one.close()


def _start_database(run: Run) -> str:
    """Start or reach the servers, bring the schema up to date; returns the URL."""
    settings, url = run.settings, run.settings.database_url
    if run.cluster is not None:
        url = run.cluster.url
        _start_own_database(run, run.cluster)
    elif url is not None:
        run.report_line("migrating ...")
        upgrade(url)
    if url is None:
        raise ValueError("without a database of the user's there is a cluster")
    if settings.redis_url is not None and not run.stop.is_set():
        check_redis(settings)
    return url


def _start_own_database(run: Run, cluster: Cluster) -> None:
    """Start Postgres and migrate; once more if it is killed or crashes meanwhile."""
    run.report_line("starting Postgres ...")
    supervised = run.supervisor.start(_postgres_plan(cluster, run.settings))
    deadline = time.monotonic() + POSTGRES_START_S
    while wait_for_postgres(run, cluster, supervised, deadline=deadline):
        try:
            cluster.ensure_database()
            run.report_line("migrating ...")
            upgrade(cluster.url)
        except DatabaseLost as exc:
            if time.monotonic() > deadline:
                raise
            run.report_line(f"{exc}; once more ...")
        else:
            return


def _start_parts(run: Run, url: str) -> None:
    run.report_line("starting the workers and the API ...")
    listen(run.sockets, run.settings)
    for spec in _plans(run, _environment(run.settings, url)):
        run.supervisor.start(spec)
    processes = run.supervisor.supervised_processes
    start_heartbeat_watch(
        processes, url, run.settings, report_line=run.report_line, stop=run.stop
    )
    limit_s = run.settings.hang_limit.total_seconds()
    start_answer_watch(
        processes, limit_s=limit_s, report_line=run.report_line, stop=run.stop
    )


def _environment(settings: Settings, url: str) -> dict[str, str]:
    """Make the environment of workers and API."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "TOUCHLINE_DATA_DIR": str(settings.data_dir),
        "TOUCHLINE_HOST": settings.host,
        "TOUCHLINE_PORT": str(settings.port),
        "TOUCHLINE_DATABASE_URL": url,
    }


def _postgres_plan(cluster: Cluster, settings: Settings) -> ProcessSpec:
    connections = OTHER_CONNECTIONS + API_CONNECTIONS * settings.api_processes
    return ProcessSpec(
        POSTGRES,
        cluster.command([f"max_connections={connections}"]),
        cluster.environment,
        settings.data_dir / "logs" / "postgres.log",
        prepare=cluster.free,
        popen_options=cluster.popen_options,
        is_essential=True,
        longest_pause_s=30.0,
        stop_signal=signal.SIGINT,  # a fast shutdown
        stop_round=2,
        stop_s=8.0,
        answers=partial(answers_postgres, cluster.url),
    )


def _plans(run: Run, environment: Mapping[str, str]) -> list[ProcessSpec]:
    """List workers and API in the order of their start."""
    settings, sockets = run.settings, run.sockets
    logs = settings.data_dir / "logs"
    # Two runs on one machine may share a database: their workers need own names.
    suffix = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:6]

    def worker(spec: WorkerSpec) -> ProcessSpec:
        return ProcessSpec(
            spec.title,
            worker_command(spec, node=f"{spec.kind}-{suffix}@%h"),
            environment,
            logs / f"{spec.kind}.log",
            niceness=spec.niceness,
        )

    def api(number: int) -> ProcessSpec:
        own = sockets
        if has_own_sockets(settings):
            own = sockets[number - 1 :: settings.api_processes]
        private = run.private[number - 1]
        own = [*own, private]
        return ProcessSpec(
            API if number == 1 else f"{API} {number}",
            api_command(own),
            environment,
            logs / ("api.log" if number == 1 else f"api-{number}.log"),
            popen_options={"pass_fds": [one.fileno() for one in own]},
            is_essential=True,
            longest_pause_s=10.0,  # meanwhile connections wait
            stop_round=0,  # first, so that nothing new comes in
            stop_s=4.0,
            answers=partial(answers_http, private.getsockname()[1]),
        )

    return [
        *(worker(spec) for spec in workers_here() if _has_work(spec, settings)),
        *map(api, range(1, settings.api_processes + 1)),
    ]


def _has_work(spec: WorkerSpec, settings: Settings) -> bool:
    """Leave out what is not wanted, and what could do nothing without a live model."""
    if spec.kind == TRAIN_QUEUE:
        return settings.train_worker
    if spec.kind != LIVE_QUEUE:
        return True
    return settings.live_streams > 0 and bool(live_models(settings))


def _show_places(settings: Settings, show: LineReporter) -> None:
    show(f"API   {settings.base_url}")
    show(f"Docs  {settings.base_url}/docs")
    show(f"Data  {settings.data_dir}")
