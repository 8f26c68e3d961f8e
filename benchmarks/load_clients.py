"""Clients that ask without a pause, each on a connection of its own; their times."""

import asyncio
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

ANSWER_S = 60.0
HEAD = "| | answers a second | p50 ms | p95 ms | p99 ms | worst ms | errors |"
LINE = "|---|---|---|---|---|---|---|"
UNCOUNTED = "GET /healthz"  # asks nothing of the database


@dataclass(slots=True)
class Answers:
    """What came back from one kind of request; times in seconds."""

    seconds: list[float] = field(default_factory=list)
    errors: int = 0

    def row(self, name: str, *, duration_s: float) -> str:
        """Write a line of the table."""
        if len(self.seconds) < 2:
            return f"| {name} | {len(self.seconds)} in all | | | | | {self.errors} |"
        cuts = statistics.quantiles(self.seconds, n=100, method="inclusive")
        worst = max(self.seconds)
        times = (*(cuts[place - 1] for place in (50, 95, 99)), worst)
        rate = len(self.seconds) / duration_s
        shown = " | ".join(f"{time_s * 1000:.0f}" for time_s in times)
        return f"| {name} | {rate:.0f} | {shown} | {self.errors} |"


Found = dict[str, Answers]


def ask_for(port: int, paths: Mapping[str, str], clients: int, seconds: float) -> Found:
    """Ask for so many seconds; times by the name of each path."""
    end = time.monotonic() + seconds
    return asyncio.run(_ask_all(port, paths, clients, lambda: time.monotonic() >= end))


@contextmanager
def asking(port: int, paths: Mapping[str, str], clients: int) -> Iterator[Found]:
    """Ask in the background until the block ends; what it gives is filled then."""
    over, found = threading.Event(), Found()

    def work() -> None:
        found.update(asyncio.run(_ask_all(port, paths, clients, over.is_set)))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def together(found: Mapping[str, Answers]) -> Answers:
    """Take all kinds of requests as one, but for those that ask nothing."""
    counted = [answers for name, answers in found.items() if name != UNCOUNTED]
    return Answers(
        [time_s for answers in counted for time_s in answers.seconds],
        sum(answers.errors for answers in counted),
    )


async def _ask_all(
    port: int, paths: Mapping[str, str], clients: int, is_over: Callable[[], bool]
) -> Found:
    found: Found = defaultdict(Answers)
    names = list(paths)

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while not is_over():
            name = names[turn % len(names)]
            turn += 1
            started = time.perf_counter()
            try:
                async with asyncio.timeout(ANSWER_S):
                    status = await _ask(reader, writer, paths[name])
            except (OSError, EOFError, TimeoutError):
                status = 0
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            found[name].seconds.append(time.perf_counter() - started)
            found[name].errors += status != 200
        writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return found


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
) -> int:
    """Send one GET over a kept connection; give the status, take the whole body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
