"""What `touchline batch` remembers beside its output, so that it can go on."""

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import uuid4

VERSION = 1


class OtherBatch(ValueError):
    """Another batch writes to the same output; the message says what to do."""


@dataclass(slots=True)
class BatchState:
    """The batch of an output.

    Attributes:
        asked: what the command said: source, model and the like.
        request_key: under which the batch is asked for.
        batch_id: None: it was not asked for yet, or the answer was lost.
        is_written: its events and failures are; what failed may be tried again.
    """

    url: str
    asked: dict[str, object]
    request_key: str = field(default_factory=lambda: str(uuid4()))
    batch_id: str | None = None
    is_written: bool = False

    def save(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            OSError: the folder takes no file.
        """
        document = {"version": VERSION, **asdict(self)}
        handle, name = tempfile.mkstemp(
            prefix=".touchline-", suffix=".tmp", dir=path.parent
        )
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def state_path(out: Path) -> Path:
    """Say where the state of an output lies: hidden, beside it."""
    return out.parent / f".{out.name}.touchline-batch.json"


def load_state(
    out: Path, url: str, asked: dict[str, object], *, is_retry: bool = False
) -> BatchState:
    """Find what an earlier run left to be done, or begin anew.

    Args:
        is_retry: what failed in a batch that was written is to be tried again.

    Raises:
        OtherBatch: that run was of another service, source or model.
    """
    path = state_path(out)
    found = None
    with suppress(OSError, ValueError, TypeError, LookupError):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("version") == VERSION:
            found = BatchState(**document)
    if found is None or (found.is_written and not is_retry):
        return BatchState(url, asked)
    if (found.url, found.asked) != (url, asked):
        raise OtherBatch(
            f"another batch writes to {out} and is not done: give the same command "
            f"again to go on with it, or remove {path} to begin this one"
        )
    return found
