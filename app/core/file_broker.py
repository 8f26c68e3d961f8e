"""kombu's filesystem transport, with messages that appear whole or not at all.

kombu opens a message under its final name and then writes it; a reader that looks in
between takes an empty file and dies of it. Here the name appears after the bytes.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """A folder of message files, one per message."""

    def _put(  # type: ignore[override]  # the base class names it otherwise
        self, queue: str, payload: dict[str, Any], **_: Any
    ) -> None:
        """Lay a message into the folder for `queue`."""
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        hidden = folder / f"{name}.part"
        try:
            hidden.write_bytes(str_to_bytes(dumps(payload)))
            hidden.replace(folder / name)
        except OSError as exc:
            hidden.unlink(missing_ok=True)
            raise ChannelError(f"Cannot add a message to {folder}") from exc


class Transport(filesystem.Transport):
    """The transport that makes such channels."""

    Channel = Channel
