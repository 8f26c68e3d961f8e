"""A whole object of a bucket, read into a file of this machine."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

READ_BYTES = 16 * 2**20  # by one request
READS_AT_ONCE = 4

Read = Callable[[int, int], bytes]


def read_into(
    handle: int, size_bytes: int, read: Read, on_progress: Callable[[int], None]
) -> None:
    """Read all of an object into an empty file, several stretches at once.

    Args:
        handle: of the file, open for writing.
        read: gives the bytes from a place to another.
        on_progress: is told how many bytes are done; what it raises ends it all.

    Raises:
        FileNotFoundError, ObjectChanged, StorageUnavailable: as `read` does.
    """
    os.ftruncate(handle, 0)
    starts = range(0, size_bytes, READ_BYTES)

    def fetch(start: int) -> int:
        data = read(start, min(start + READ_BYTES, size_bytes))
        os.pwrite(handle, data, start)
        return len(data)

    done = 0
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        try:
            for count in pool.map(fetch, starts):
                done += count
                on_progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if os.fstat(handle).st_size != size_bytes:
        raise OSError(errno.EIO, "the object was shorter than the bucket told")
