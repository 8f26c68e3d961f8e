"""What `touchline batch` remembers beside its output, so that it can go on."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def alone_with(out: Path) -> Iterator[None]:
    """Keep other runs away from an output until the block ends, however it does.

    Raises:
        OtherBatch: one is there already.
        OSError: the folder takes no file.
    """
    path = out.parent / f".{out.name}.touchline-batch.lock"
    while True:
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OtherBatch(
                    f"another touchline batch runs that writes to {out}: wait for its "
                    "end, or name another file"
                ) from None
            except OSError:  # A file system without locks.
                yield
                return
            if not _is_at(path, file.fileno()):
                continue  # The run before took it away meanwhile.
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


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
