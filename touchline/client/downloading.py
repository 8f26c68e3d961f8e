"""Answers become files: whole or not at all, and nothing is replaced unasked."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from touchline.client.errors import ClientError, NotReachable
from touchline.client.transport import Backoff, Transport, is_transient, retry_after_of


@contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Give a file to write to; it takes its place when the block ends well.

    Raises:
        FileExistsError: there is such a file, and it may not be replaced.
        OSError: it cannot be written, or is no regular file; what was there stays as it
            was.
    """
    target = path.resolve()  # A symbolic link stays one.
    if target.exists():
        if not overwrite:
            raise _exists(path)
        if not target.is_file():  # A device would become a file for good.
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
    handle, name = tempfile.mkstemp(prefix=".touchline-", dir=target.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o666 & ~_umask())
        if overwrite:
            with suppress(FileNotFoundError):
                shutil.copymode(target, beside)
            beside.replace(target)
        else:
            _place(beside, target, path)
    finally:
        beside.unlink(missing_ok=True)


def download(http: Transport, address: str, file: BinaryIO) -> None:
    """Load what lies at an address; a connection that breaks is taken up by range.

    Raises:
        NotReachable, ApiProblem: it cannot be had.
    """
    backoff, etag = Backoff(http.limits.retry_s), ""
    while True:
        before = file.tell()
        headers = {"range": f"bytes={before}-", "if-range": etag} if etag else {}
        try:
            with http.stream(address, headers) as answer:
                told = answer.headers.get("etag", "")
                is_rest = bool(headers) and answer.status_code == 206
                # Some buckets do not heed If-Range: then it is of another file.
                is_other = is_rest and told != etag
                if is_other or not is_rest:
                    file.seek(0)
                    file.truncate()
                etag = "" if is_other else told
                if is_other:
                    continue
                for piece in answer.iter_bytes():
                    file.write(piece)
            return
        except ClientError as problem:
            if isinstance(problem, NotReachable) and file.tell() > before and etag:
                backoff.renew()
            if not (is_transient(problem) and backoff.pause(retry_after_of(problem))):
                raise


def _place(beside: Path, target: Path, path: Path) -> None:
    """Appear under the target's name; a link, unlike a rename, replaces nothing."""
    try:
        os.link(beside, target)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # A file system without links: the name is claimed first.
        with target.open("xb"):
            pass
        beside.replace(target)


def _exists(path: Path) -> FileExistsError:
    message = "the file exists already; pass overwrite=True to replace it"
    return FileExistsError(errno.EEXIST, message, str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
