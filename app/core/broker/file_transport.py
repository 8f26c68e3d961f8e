"""A broker of files, one a message, for a service on one machine: a kombu transport.

kombu's own filesystem transport dies of what a power cut or a full disk leaves: an
empty message, a damaged table of exchanges, a folder that is gone. Here a message
appears whole or not at all, a damaged one is dropped with a warning, a missing folder
is made again, and nothing but messages is stored. A message lost costs little: the
database is the queue of record.
"""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import structlog
from kombu.exceptions import ChannelError
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

UNFINISHED, TAKEN = ".part", ".taken"  # being written, being read
LEFTOVER_AGE_S = 3600.0  # neither takes so long: its process died
CLEAN_EVERY_S = 600.0
MAX_MESSAGE_BYTES = 2**20  # ours are below 2 KiB

log = structlog.get_logger(__name__)


class Channel(virtual.Channel):
    """A folder of files `TIME_ID.QUEUE.msg`, handed out by their names' order."""

    _is_broken = False  # the folder, as far as the log knows
    _clean_at = 0.0  # by the monotonic clock

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        """Add a message: its name appears once its bytes are there."""
        path = self._folder / f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        hidden = path.with_name(path.name + UNFINISHED)
        try:
            hidden.parent.mkdir(parents=True, exist_ok=True)
            hidden.write_text(dumps(message))
            hidden.replace(path)
        except OSError as exc:
            with suppress(OSError):
                hidden.unlink()
            raise ChannelError(f"cannot add a message to {path.parent}: {exc}") from exc

    def _get(
        self,
        queue: str,
        timeout: float | None = None,  # noqa: ARG002  # kombu never sends one
    ) -> dict[str, Any]:
        """Take the oldest message; a folder that cannot be used is an empty one.

        Celery would end its worker on any other error, and start it into the same.
        """
        try:
            self._clean_up()
            for path in self._messages(queue):
                message = self._take(path)
                if message is not None:
                    return message
            self._is_broken = False
        except OSError as exc:
            if not self._is_broken:
                log.warning("broker_folder_unusable", error=str(exc))
            self._is_broken = True
        raise Empty

    def _size(self, queue: str) -> int:
        """Count the messages of a queue."""
        return len(list(self._messages(queue)))

    def _purge(self, queue: str) -> int:
        """Remove the messages of a queue; returns how many there were."""
        paths = list(self._messages(queue))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    @property
    def _folder(self) -> Path:
        transport: Any = self.connection  # kombu's types call it something else
        return folder_of(transport.client)

    def _messages(self, queue: str) -> Iterator[Path]:
        """Give a queue's files, the oldest first; other files are none of ours."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with os.scandir(self._folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.partition(".")[2] == f"{queue}.msg" and entry.is_file()
            ]
        return (self._folder / name for name in sorted(names))

    def _take(self, path: Path) -> dict[str, Any] | None:
        """Read a message and remove it; None if it is damaged or somebody else's."""
        taken = path.with_name(path.name + TAKEN)
        try:
            path.rename(taken)
        except FileNotFoundError:
            return None
        try:
            os.utime(taken)  # Its age as a leftover counts from now.
            return self._read(taken)
        except Exception as exc:  # noqa: BLE001  # no content may end the worker
            log.warning(
                "message_dropped", file=path.name, error=f"{type(exc).__name__}: {exc}"
            )
            return None
        finally:
            taken.unlink(missing_ok=True)

    def _read(self, path: Path) -> dict[str, Any]:
        """Read a message as Celery will; raises whatever it is that makes it none."""
        with path.open("rb") as file:
            raw: dict[str, Any] = loads(file.read(MAX_MESSAGE_BYTES))
        message = self.Message(raw, channel=self, accept={"application/json"})
        args, kwargs, _ = message.payload
        task, task_id = message.headers["task"], message.headers["id"]
        kinds = ((task, str), (task_id, str), (args, list), (kwargs, dict))
        if not all(isinstance(value, kind) for value, kind in kinds):
            raise TypeError("it is not a task's")
        return raw

    def _clean_up(self) -> None:
        """Remove now and then what processes that died were writing or reading."""
        if time.monotonic() < self._clean_at:
            return
        self._clean_at = time.monotonic() + CLEAN_EVERY_S
        too_old = time.time() - LEFTOVER_AGE_S
        for suffix in (UNFINISHED, TAKEN):
            for path in self._folder.glob(f"*{suffix}"):
                with suppress(OSError):  # Another worker may clean up, too.
                    if path.stat().st_mtime < too_old:
                        path.unlink()


class Transport(virtual.Transport):
    """The transport that makes such channels; to connect is to have the folder."""

    Channel = Channel
    driver_type = driver_name = "filesystem"
    default_port = 0
    connection_errors = (*virtual.Transport.connection_errors, OSError)  # tried again

    def establish_connection(self) -> Any:
        """Make the folder if it is missing.

        Raises:
            OSError: it cannot be made.
        """
        folder_of(self.client).mkdir(parents=True, exist_ok=True)
        return super().establish_connection()


def folder_of(client: Any) -> Path:
    """Give the folder of messages that a connection's options name."""
    return Path(client.transport_options["folder"])
