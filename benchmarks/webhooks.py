"""How soon webhooks arrive while some receivers hang.

    python -m benchmarks.webhooks [--messages 1000] [--endpoints 48] [--hanging 0 1 24]
        [--to webhooks]

A Postgres of its own holds messages that are all due, dealt out to receivers in another
process; those that hang accept and never answer. Told is the time until every message
to the others is recorded as delivered, half of them and 99 of 100, and what the
sender's process held at the most. `--to`: callback URLs of videos, or webhooks of a
project.
"""

import argparse
import asyncio
import ipaddress
import multiprocessing
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.db.base import new_id, utc_now
from app.core.db.migrate import upgrade
from app.core.db.session import Sessions, make_engine, make_sessions
from app.jobs.tables import Job
from app.supervisor.embedded_postgres import start_postgres
from app.videos.tables import Video
from app.webhooks.service import JobOutcome, make_delivery
from app.webhooks.tables import Delivery, DeliveryStatus, Webhook
from app.webhooks.webhook_service import create_webhook
from benchmarks.machine import processor
from worker.webhooks.attempt import Post
from worker.webhooks.sender import DATABASE_THREADS, WebhookSender

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOK_EVERY_S = 0.05


def main() -> None:
    """Run once for each number of hanging receivers and print a row."""
    options = _parse_options()
    structlog.configure(processors=[_drop])
    print(f"{datetime.now(UTC):%Y-%m-%d}  {processor()}")
    print(f"{options.messages} messages to {options.endpoints} {options.to}")
    print("hanging  messages to others  p50 s  p99 s  all s  messages/s  peak MiB")
    with _database() as sessions:
        for hanging in options.hanging:
            with _receivers(options.endpoints, hanging) as urls:
                _write(sessions, urls, options.messages, to=options.to)
                delays_s = _send(sessions, urls[hanging:])
            count, last_s = len(delays_s), delays_s[-1]
            print(
                f"{hanging:7}{count:20}{_at(delays_s, 0.5):7.1f}"
                f"{_at(delays_s, 0.99):7.1f}{last_s:7.1f}{count / last_s:12.0f}"
                f"{_peak_mib():10.0f}",
                flush=True,
            )


def _send(sessions: Sessions, others: Sequence[str]) -> list[float]:
    """Send until all that can arrive has; returns after how long each did, in order."""
    wanted = select(func.count()).where(Delivery.url.in_(others))
    left = wanted.where(Delivery.status != DeliveryStatus.DELIVERED)
    how = Post(secret=SECRET, allow_nets=(ipaddress.ip_network("127.0.0.0/8"),))
    sender = WebhookSender(sessions=sessions, how=how, finish_s=0.0)
    with sessions() as session:
        started = session.scalars(select(func.now())).one()
    sender.start()
    with sessions() as session:
        while session.scalar(left):
            session.rollback()
            time.sleep(LOOK_EVERY_S)
        delay = func.extract("epoch", Delivery.finished_at - started)
        found = session.scalars(select(delay).where(Delivery.url.in_(others)))
        delays_s = sorted(float(one) for one in found)
    sender.stop()
    sender.join(60)
    return delays_s


def _at(ordered: Sequence[float], share: float) -> float:
    """Give the value that a share of the values does not exceed."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _write(sessions: Sessions, urls: Sequence[str], messages: int, *, to: str) -> None:
    """Leave nothing but messages that are due now, dealt out in turn."""
    video = Video(
        id=new_id(), storage_key="", size_bytes=1, sha256="", created_at=utc_now()
    )
    job = Job(id=new_id(), video_id=video.id, created_at=utc_now())
    ending = JobOutcome(video.id, job.id, "succeeded", {"PASS": 812})
    with sessions.begin() as session:
        session.execute(text("truncate videos, webhooks, webhook_endpoints cascade"))
        session.add(video)
        session.flush()
        session.add(job)
        session.flush()
        webhooks = [_webhook(session, url) for url in urls] if to == "webhooks" else []
        for number in range(messages):
            place = number % len(urls)
            row = make_delivery(
                ending, url=urls[place], base_url="http://h", now=utc_now()
            )
            row.webhook_id = webhooks[place].id if webhooks else None
            session.add(row)


def _webhook(session: Session, url: str) -> Webhook:
    return create_webhook(
        session,
        url=url,
        description=None,
        events=["*"],
        service_secret=SECRET,
        now=utc_now(),
    )


@contextmanager
def _database() -> Iterator[Sessions]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)  # Started by root, Postgres runs as somebody else.
        server = start_postgres(folder, log_path=folder / "postgres.log")
        try:
            upgrade(server.url)
            engine = make_engine(server.url, pool_size=DATABASE_THREADS + 1)
            yield make_sessions(engine)
            engine.dispose()
        finally:
            server.stop()


@contextmanager
def _receivers(count: int, hanging: int) -> Iterator[list[str]]:
    """Run receivers in a process; the first `hanging` of them never answer."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    urls = [f"http://127.0.0.1:{one.getsockname()[1]}/" for one in sockets]
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_receive, args=(sockets, hanging), daemon=True)
    process.start()
    for one in sockets:
        one.close()
    try:
        yield urls
    finally:
        process.kill()
        process.join()


def _receive(sockets: Sequence[socket.socket], hanging: int) -> None:
    never = asyncio.Event()  # held here, so that who waits for it is not collected

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, hangs: bool
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        await reader.readexactly(length)
        if hangs:
            await never.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    async def serve() -> None:
        for number, one in enumerate(sockets):
            await asyncio.start_server(
                partial(answer, hangs=number < hanging), sock=one
            )
        await never.wait()

    asyncio.run(serve())


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _drop(*_: object) -> structlog.typing.EventDict:
    raise structlog.DropEvent


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--endpoints", type=int, default=48)
    parser.add_argument("--to", choices=("callbacks", "webhooks"), default="callbacks")
    parser.add_argument("--hanging", type=int, nargs="+", default=[0, 1, 24])
    return parser.parse_args()


if __name__ == "__main__":
    main()
