"""A process that adds to an object of a bucket, as an API does: `URL KEY WORDS...`.

It writes each of the words when it is told to by a line, and says what came of it.
"""

import sys
from datetime import timedelta

from app.core.storage.addresses import read_address
from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.bucket_objects import BucketObjects
from app.core.storage.growing_locks import GrowingLocks
from app.core.storage.growing_objects import GrowingObject
from app.core.storage.interface import StorageUnavailable

RETRY = timedelta(seconds=10)


def open_growing(
    url: str, key: str, locks: GrowingLocks | None = None
) -> GrowingObject:
    """Hold an object of a bucket.

    Raises:
        ObjectBusy: another one holds it.
    """
    objects = BucketObjects(read_address(url), retry_for=RETRY, aws=AwsAccess(url))
    return GrowingObject(objects, key, lambda _: None, locks or GrowingLocks())


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> None:
    """Hold it until there are no more words."""
    url, key, *words = sys.argv[1:]
    growing = open_growing(url, key)
    for word in words:
        _say("ready")
        sys.stdin.readline()
        try:
            growing.write(word.encode())
            growing.flush()
        except StorageUnavailable as exc:
            _say(f"refused: {exc.strerror}")
            return
        _say("written")
    growing.close()


if __name__ == "__main__":
    main()
