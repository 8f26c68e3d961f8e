"""TLS before a plain server, with a certificate of the test's own, for tests."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

HOST = "cam.example"
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl program"
)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for `HOST`; gives its path and that of its key."""
    path, key = folder / "cam.pem", folder / "key.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    subprocess.run(
        ["openssl", *command.split(), *names, "-keyout", str(key), "-out", str(path)],
        check=True,
        capture_output=True,
    )
    return path, key


@contextlib.contextmanager
def tls_before(port: int, folder: Path) -> Iterator[int]:
    """Take TLS at a port that is given, and pass on what comes to another one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(folder))
    front: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve(secure: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        plain, on = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pass(secure, on), _pass(plain, back))
        finally:
            back.close()
            on.close()

    async def run() -> None:
        is_over = asyncio.Event()
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        own = int(server.sockets[0].getsockname()[1])
        front.set_result((own, asyncio.get_running_loop(), is_over))
        await is_over.wait()
        server.close()
        own_tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in own_tasks:
            task.cancel()
        await asyncio.gather(*own_tasks, return_exceptions=True)
        await asyncio.sleep(0.1)  # for the transports that they closed

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    own, loop, is_over = front.result(timeout=10)
    try:
        yield own
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join(5)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
