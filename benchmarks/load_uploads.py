"""Uploads as a load: large ones, slow ones, and ones whose callback's name hangs."""

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.load_clients import Answers

CHUNK = 2**20
BOUNDARY = "touchline-load"
PATIENCE_S = 300.0
TRICKLE_BYTES = 2048  # at a time, twice a second: above the least rate that is taken
TRICKLE_EVERY_S = 0.5


def send(port: int, size: int, *, callback_url: str | None = None) -> tuple[int, str]:
    """Upload made-up bytes; gives the status and the video's id.

    They are made as they are sent: nothing is read from a disk.
    """
    head, tail = _form(callback_url)
    piece = os.urandom(CHUNK)  # that no disk stores in less
    connection = _begin(port, len(head) + size + len(tail))
    connection.send(head)
    left = size
    while left > 0:
        connection.send(piece[:left])
        left -= len(piece)
    connection.send(tail)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body.get("id", "")


@contextmanager
def slow_uploads(port: int, count: int) -> Iterator[None]:
    """Keep uploads under way that hardly move, until the block ends."""
    over = threading.Event()

    def trickle() -> None:
        head, tail = _form(None)
        connection = _begin(port, len(head) + 2**30 + len(tail))
        connection.send(head)
        while not over.wait(TRICKLE_EVERY_S):
            connection.send(bytes(TRICKLE_BYTES))
        connection.close()  # A broken upload: nothing of it is kept.

    threads = [threading.Thread(target=trickle) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def hanging_lookups(port: int, count: int) -> Iterator[Answers]:
    """Keep uploads under way whose callback's name is not found in time.

    Gives what came of them, once the block has ended: refusals, after a while.
    """
    found = Answers()

    def upload(number: int) -> None:
        started = time.perf_counter()
        status, _ = send(port, 16, callback_url=f"https://hangs-{number}.example/")
        found.seconds.append(time.perf_counter() - started)
        found.errors += status != 422

    threads = [
        threading.Thread(target=upload, args=(number,)) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for thread in threads:
            thread.join()


def _begin(port: int, length: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.putrequest("POST", "/videos")
    connection.putheader("content-type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("content-length", str(length))
    connection.endheaders()
    return connection


def _form(callback_url: str | None) -> tuple[bytes, bytes]:
    """Write what comes before and after the file's bytes."""
    fields = {"model": "none"}
    if callback_url is not None:
        fields["callback_url"] = callback_url
    head = "".join(
        f"--{BOUNDARY}\r\n"
        f'content-disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    )
    head += (
        f"--{BOUNDARY}\r\n"
        'content-disposition: form-data; name="file"; filename="load.mp4"\r\n'
        "content-type: video/mp4\r\n\r\n"
    )
    return head.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
