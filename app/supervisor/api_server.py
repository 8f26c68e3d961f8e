"""The HTTP server of the API: its options, and its process under `touchline serve`.

There its sockets are opened by `touchline serve` and handed down: a process that is
started again finds the port at once, and several of them share it.
"""

import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn

from app.core.collector import importing_modules
from app.core.errors import StartFailed
from app.core.http.server import uvicorn_options
from app.core.settings import Settings

APP = "app.main:create_app"
GRACE_S = 10  # for requests under way when the server ends
BACKLOG = 2048  # connections that may wait to be accepted
GRACE_UNDER_SERVE_S = 3  # together with the other parts less than 20 s


def server_options(*, grace_s: int) -> dict[str, Any]:
    """Give uvicorn's options, but for where it listens."""
    return {
        **uvicorn_options(),
        "factory": True,
        "timeout_graceful_shutdown": grace_s,
    }


def run_alone(settings: Settings) -> None:
    """Listen and serve until a signal ends it; `touchline api`."""
    uvicorn.run(
        APP,
        host=settings.host,
        port=settings.port,
        workers=settings.api_processes,
        **server_options(grace_s=GRACE_S),
    )


def api_command(sockets: Sequence[socket.socket]) -> list[str]:
    """Give the command of a process that serves on sockets it inherits."""
    numbers = [str(one.fileno()) for one in sockets]
    return [sys.executable, "-P", "-m", "app.supervisor.api_server", *numbers]


class _SharingServer(uvicorn.Server):
    """Takes one connection at a time, so that its siblings get their share.

    The event loop accepts as many at once as the backlog it is told; a burst of
    connections that stay open would all go to the process that wakes up first.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        for one in sockets or ():
            one.listen(BACKLOG)  # What may wait in the kernel is another matter.


def main(numbers: Sequence[str]) -> None:
    """Serve on the sockets of these file descriptors."""
    options = server_options(grace_s=GRACE_UNDER_SERVE_S)
    config = uvicorn.Config(APP, access_log=False, backlog=1, **options)
    sockets = [socket.socket(fileno=int(number)) for number in numbers]
    try:
        with importing_modules():
            config.load()
        _SharingServer(config).run(sockets=sockets)
    except StartFailed as exc:
        sys.exit(f"error: {exc}")


if __name__ == "__main__":
    main(sys.argv[1:])
