"""The writer of a stream ends, whatever the database does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import uuid4

from sqlalchemy.exc import OperationalError

from app.core.db.session import Sessions
from app.live.items import Held
from worker.live_streams import writer as module
from worker.live_streams.writer import MAX_WAITING, StreamWriter

END_S = 20.0


class _Sessions:
    """A database whose transactions begin as a function says."""

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin

    @contextmanager
    def begin(self) -> Iterator[Any]:
        self._begin()
        yield self

    def execute(self, *_: Any, **__: Any) -> None:
        raise OperationalError("", {}, Exception("the database is away"))

    scalar = scalars = execute


def writer_on(begin: Callable[[], None]) -> StreamWriter:
    held = Held(uuid4(), uuid4(), uuid4())
    return StreamWriter(held, cast("Sessions", _Sessions(begin)))


def ends(run: Callable[[], None]) -> bool:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(END_S)
    return not thread.is_alive()


def test_a_run_ends_whose_writer_has_no_room_left() -> None:
    writer = writer_on(lambda: None)

    def run() -> None:
        with writer.running():
            while not writer.is_lost:
                for _ in range(MAX_WAITING):
                    writer.note(phase="live")

    assert ends(run)
    assert writer.is_lost


def test_what_a_database_that_hangs_has_not_taken_is_not_taken_for_written(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(module, "END_S", 0.2)
    goes_on = threading.Event()
    writer = writer_on(lambda: cast("None", goes_on.wait(END_S)))

    with writer.running():
        writer.note(phase="ending")

    assert writer.is_lost
    goes_on.set()
