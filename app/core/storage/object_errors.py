"""What a bucket answers instead of an object, in the words of every storage.

Answers of 5xx, connections that break and silence are asked again by the client itself,
within its time; credentials that ran out are waited for here, as something renews them.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog

from app.core.errors import StorageFull
from app.core.storage.interface import (
    ObjectChanged,
    StorageRefused,
    StorageUnavailable,
)

EXPIRED = (
    "ExpiredToken",
    "RequestExpired",
    "TokenRefreshRequired",
    "token expired",
    "token is expired",  # Azure's
    "not valid in the specified time frame",  # a shared access signature of Azure's
)
FULL = ("QuotaExceeded", "InsufficientStorage", "status code 507", "StorageFull")
DENIED = (
    "AccessDenied",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "403 Forbidden",  # of Azure's requests that delete several
)
NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
ASK_EVERY_S = 3.0
MOST_WORDS = 300

T = TypeVar("T")
log = structlog.get_logger(__name__)


@contextmanager
def bucket_errors(key: str, where: str) -> Iterator[None]:
    """Translate what obstore raises.

    Raises:
        FileNotFoundError: nothing has that key.
        FileExistsError: something has it, and nothing should.
        ObjectChanged: the object is another one than a condition says.
        StorageFull: a quota is used up.
        StorageRefused: the credentials are missing, wrong or may not do this.
        StorageUnavailable: the bucket cannot be reached, or answers with errors.
    """
    from obstore import exceptions as kinds

    try:
        yield
    except (kinds.NotFoundError, FileNotFoundError) as exc:
        if _names(exc, NO_BUCKET):
            raise StorageUnavailable(f"{where} is not there: make the bucket") from exc
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key) from exc
    except kinds.AlreadyExistsError as exc:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), key) from exc
    except kinds.PreconditionError as exc:
        raise ObjectChanged(key) from exc
    except (kinds.PermissionDeniedError, kinds.UnauthenticatedError) as exc:
        raise refused(exc, where) from exc
    except kinds.BaseError as exc:
        if _names(exc, FULL):
            raise StorageFull(
                f"{where} has no room left: its quota is used up. Delete videos that "
                "are no longer needed, or raise the quota."
            ) from exc
        if _names(exc, NO_BUCKET):
            raise StorageUnavailable(f"{where} is not there: make the bucket") from exc
        if _names(exc, DENIED + EXPIRED):
            raise refused(exc, where) from exc
        is_odd = isinstance(exc, kinds.InvalidPathError)
        what = "has a key that cannot be read" if is_odd else "does not answer"
        raise StorageUnavailable(f"{where} {what}: {shortened(exc)}") from exc


def patiently(work: Callable[[], T], *, seconds: float) -> T:
    """Do something; wait so long for credentials that ran out to be renewed."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except Exception as exc:  # obstore's have no common root but this
            if not is_expired(exc) or time.monotonic() > deadline:
                raise
            log.warning("bucket_credentials_expired", error=shortened(exc))
        time.sleep(ASK_EVERY_S)


def is_expired(exc: BaseException) -> bool:
    """Whether an answer says that the credentials were right once."""
    return _names(exc, EXPIRED)


def shortened(exc: BaseException) -> str:
    """Say on one line what went wrong."""
    words = " ".join(str(exc).split())
    return words if len(words) <= MOST_WORDS else f"{words[:MOST_WORDS]} ..."


def refused(exc: BaseException, where: str) -> StorageRefused:
    """Say that a bucket lets us in no more, and why."""
    advice = (
        "the credentials have expired and nothing renewed them"
        if is_expired(exc)
        else "the credentials are missing, wrong or may not do this"
    )
    return StorageRefused(f"{where} refuses: {advice}")


def _names(exc: BaseException, words: tuple[str, ...]) -> bool:
    text = str(exc)
    return any(word in text for word in words)
