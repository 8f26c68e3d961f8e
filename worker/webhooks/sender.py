"""Sends webhooks: claims what is due from the database, in one thread, many at a time.

An event loop waits for the receivers, so that those that hang cost next to nothing;
lanes and a limit for each endpoint keep places free for the others. The broker only
wakes it: without one it looks for itself every few seconds.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.core.db.base import utc_now
from app.core.tracing.context import TraceContext
from app.core.tracing.spans import Span, span
from app.webhooks.queries import release_delivery
from worker.loops import LoopFailures
from worker.webhooks.attempt import Post, attempt
from worker.webhooks.delivery import Message, Outcome, claim_due, record
from worker.webhooks.lanes import Lane, Lanes
from worker.webhooks.outbound import BODY_S
from worker.webhooks.resolver import LOOKUP_S, WAIT_S, Resolver

PLACES = 1024  # messages under way at once; one that waits takes some 25 KiB
DATABASE_THREADS = 4
LOOK_EVERY_S = 5.0
FINISH_S = 3.0  # what is under way when the process leaves may take so long
CRASH_PAUSE_S = 5.0
STALLED_S = 120.0  # no statement takes so long
PUT_OFF = timedelta(seconds=5)  # what could not be begun waits so long
SAVE_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # while the database is away

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class Dispatcher:
    """Claims, sends and records inside one event loop, until it is told to stop."""

    def __init__(
        self,
        *,
        sessions: sessionmaker[Session],
        how: Post,
        places: int = PLACES,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._how = how
        self._lanes = Lanes(places)
        self._resolver = Resolver(how.resolve)
        self._clock = clock
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, "webhooks-database")
        self._under_way: set[asyncio.Task[None]] = set()
        self._awake = asyncio.Event()
        self._is_stopping = False
        self.looked_at = time.monotonic()
        self.failures = LoopFailures("sending of webhooks")

    async def run(self, *, look_every_s: float, finish_s: float) -> None:
        """Send what is due, at once when woken, else every few seconds."""
        try:
            while not self._is_stopping:
                self._awake.clear()
                try:
                    await self.fill()
                except SQLAlchemyError as exc:
                    log.warning("webhooks_not_claimed", error=str(exc))
                    self.failures.add(exc)
                else:
                    self.failures.reset()
                self.looked_at = time.monotonic()
                with suppress(TimeoutError):
                    async with asyncio.timeout(look_every_s):
                        await self._awake.wait()
        finally:
            await self.finish(within_s=finish_s)

    def wake(self) -> None:
        """Look at once; for the loop's own thread."""
        self._awake.set()

    def stop(self) -> None:
        """Claim nothing more and let `run` come to its end."""
        self._is_stopping = True
        self._awake.set()

    async def fill(self) -> None:
        """Claim what is due and there is room for, and begin to send it."""
        if not self._lanes.has_room(Lane.QUICK):
            return
        lanes, hold = self._lanes.copy(), self._hold
        messages = await self._in_transaction(
            lambda session: claim_due(session, lanes, hold=hold)
        )
        for message in messages:
            self._lanes.enter(message.lane)
            task = asyncio.create_task(self._deliver(message))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def finish(self, *, within_s: float | None = None) -> None:
        """Wait for what is under way, then break off and record what is left.

        Then nothing of this uses the database any more: what a thread had begun there
        has ended, and its connection is back in the pool.
        """
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within_s)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)

    @property
    def _hold(self) -> timedelta:
        """How long a claimed message is ours: well longer than an attempt can take."""
        send_s = WAIT_S + LOOKUP_S + self._how.deadline_s + BODY_S
        return timedelta(seconds=1.5 * (send_s + sum(SAVE_PAUSES_S)))

    async def _deliver(self, message: Message) -> None:
        structlog.contextvars.bind_contextvars(**message.names_in_log)  # of this task
        try:
            with _span_of(message) as its:
                outcome = await attempt(
                    message, how=self._how, resolver=self._resolver, clock=self._clock
                )
                _tell(its, outcome)
                await self._save(message, outcome)
        finally:
            self._lanes.leave(message.lane)
            self._awake.set()

    async def _save(self, message: Message, outcome: Outcome | None) -> None:
        """Record an attempt, or give back what was not sent; await a lost database.

        If it stays away the attempt counts, and the message is sent again once our
        hold on it has run out.
        """
        for pause_s in (*SAVE_PAUSES_S, None):
            try:
                await self._save_once(message, outcome)
            except SQLAlchemyError as exc:
                log.warning("webhook_attempt_not_recorded", error=str(exc))
            else:
                return
            if pause_s is None or self._is_stopping:
                return
            await asyncio.sleep(pause_s)

    async def _save_once(self, message: Message, outcome: Outcome | None) -> None:
        if outcome is None:
            wait = timedelta(0) if self._is_stopping else PUT_OFF
            release = release_delivery(message.id, attempt=message.number, wait=wait)
            await self._in_transaction(lambda session: session.execute(release))
            return
        status = await self._in_transaction(
            lambda session: record(session, message, outcome)
        )
        log.info(
            "webhook_attempt",
            attempt=message.number,
            status=status,
            answer=outcome.answer.status_code if outcome.answer else None,
            error=outcome.error,
        )

    async def _in_transaction(self, work: Callable[[Session], Result]) -> Result:
        """Do something with the database in a thread, so that the loop goes on."""

        def do() -> Result:
            with self._sessions.begin() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(
            self._threads, copy_context().run, do
        )


def _span_of(message: Message) -> AbstractContextManager[Span]:
    """Record an attempt as part of the trace that the message belongs to."""
    facts: dict[str, str | int] = {
        "touchline.delivery.id": str(message.id),
        "touchline.delivery.attempt": message.number,
        "http.request.method": "POST",
        **{f"touchline.{name}.id": one for name, one in message.about.items()},
    }
    parent = TraceContext.parse(message.traceparent)
    return span("POST webhook", kind="client", parent=parent, attributes=facts)


def _tell(its: Span, outcome: Outcome | None) -> None:
    if outcome is None:
        its.fail("nothing was sent")
        return
    if outcome.answer is not None:
        its.note({"http.response.status_code": outcome.answer.status_code})
    if not outcome.has_arrived:
        its.fail(outcome.error or "refused by the receiver")


class WebhookSender:
    """The thread in which a dispatcher runs, and runs anew should it crash."""

    def __init__(
        self,
        *,
        sessions: sessionmaker[Session],
        how: Post,
        places: int = PLACES,
        look_every_s: float = LOOK_EVERY_S,
        finish_s: float = FINISH_S,
    ) -> None:
        self._sessions = sessions
        self._how = how
        self._places = places
        self._look_every_s = look_every_s
        self._finish_s = finish_s
        self._leaving = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, Dispatcher] | None = None
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """Look at once for what is due; from any thread."""
        self._tell(Dispatcher.wake)

    def stop(self) -> None:
        """Claim nothing more; from any thread."""
        self._leaving.set()
        self._tell(Dispatcher.stop)

    def join(self, timeout_s: float) -> None:
        """Wait until what was under way is recorded."""
        self._thread.join(timeout_s)

    @property
    def problem(self) -> str | None:
        """What keeps webhooks from being sent; None if nothing does."""
        running = self._running
        if running is None:
            return "the webhook sender does not run"
        if time.monotonic() - running[1].looked_at > STALLED_S:
            return "the webhook sender has stalled"
        return running[1].failures.problem

    def _tell(self, what: Callable[[Dispatcher], None]) -> None:
        if (running := self._running) is not None:
            loop, dispatcher = running
            with suppress(RuntimeError):  # The loop has just ended.
                loop.call_soon_threadsafe(what, dispatcher)

    def _work(self) -> None:
        while not self._leaving.is_set():
            try:
                asyncio.run(self._run())
            except Exception:
                log.exception("webhook_sender_crashed")
                self._leaving.wait(CRASH_PAUSE_S)

    async def _run(self) -> None:
        dispatcher = Dispatcher(
            sessions=self._sessions, how=self._how, places=self._places
        )
        self._running = asyncio.get_running_loop(), dispatcher
        if self._leaving.is_set():  # Before there was anybody to tell.
            dispatcher.stop()
        try:
            await dispatcher.run(
                look_every_s=self._look_every_s, finish_s=self._finish_s
            )
        finally:
            self._running = None
