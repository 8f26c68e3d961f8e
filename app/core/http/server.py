"""How uvicorn is run below the app, and what a connection may take of it.

The app's lifespan hands the limits to the protocol (`app.core.http.protocol`) in its
state.
"""

import resource
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Self

import structlog

from app.core.settings import Settings

KEEP_ALIVE_S = 5  # an idle connection is kept so long after an answer
MAX_HEAD_BYTES = 64 * 1024
FILES_PER_CONNECTION = 3  # an upload: its socket, the file and its marker
OTHER_FILES = 256  # database, logs, libraries
MAX_MESSAGE_BYTES = 4 * 2**20  # of a WebSocket, one message
ON_SHUTDOWN = "on_shutdown"  # in the lifespan's state: what ends answers without end

log = structlog.get_logger(__name__)


def uvicorn_options() -> dict[str, Any]:
    """Give uvicorn's options that every start of the API shares."""
    return {
        "http": "app.core.http.protocol:LimitedProtocol",
        "ws": "auto",
        "ws_max_size": MAX_MESSAGE_BYTES,
        "ws_per_message_deflate": False,  # video is compressed already
        "timeout_keep_alive": KEEP_ALIVE_S,
        # Larger than what one read brings beyond ours, which is told in words.
        "h11_max_incomplete_event_size": 8 * MAX_HEAD_BYTES,
    }


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a connection may take of this process."""

    KEY: ClassVar[str] = "http_limits"  # in the lifespan's state

    connections: int = 1000
    head: timedelta = timedelta(seconds=30)  # until a request's headers are complete
    unread: timedelta = timedelta(seconds=60)  # an answer may wait so long to be read

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read them from the settings."""
        return cls(
            connections=settings.max_connections,
            head=settings.request_timeout,
            unread=settings.upload_idle,
        )


def allow_open_files(limits: HttpLimits) -> HttpLimits:
    """Raise this process's limit of open files to what its connections may need.

    Returns:
        The limits; fewer connections if the system allows no more files.
    """
    wanted = limits.connections * FILES_PER_CONNECTION + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (ValueError, OSError):
        allowed = soft
    if allowed >= wanted:
        return limits
    connections = max(1, (allowed - OTHER_FILES) // FILES_PER_CONNECTION)
    log.warning("fewer_connections", connections=connections, open_files=allowed)
    return replace(limits, connections=connections)
